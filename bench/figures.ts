/** A measured figure beside the limit or peer it is held against, and how a bench tells its figures. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'

export interface Figure {
  name: string
  ours: number
  unit: string
  /** What it is held against, measured in the same run or given by the promise. */
  bound?: { at: 'most' | 'least'; value: number; what: string }
}

export const atMost = (value: number, what = 'promised') => ({ at: 'most' as const, value, what })
export const atLeast = (value: number, what = 'promised') => ({ at: 'least' as const, value, what })

/** Prints the table and leaves the figures, with the command that made them, in `bench/results`. */
export function report(file: string, figures: Figure[]): void {
  const name = basename(file, '.ts')
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const result = { command: `node bench/${name}.ts`, node: process.versions.node, cores: cpus().length, figures: figures.map(rounded) }
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
  console.log(table(figures))
}

export function table(figures: Figure[]): string {
  const rows = [['figure', 'ours', 'held against', 'ratio', ''], ...figures.map(row)]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  return rows.map((cells) => cells.map((cell, column) => (column === 1 || column === 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd()).join('\n')
}

function row({ name, ours, unit, bound }: Figure): string[] {
  if (!bound) return [name, `${number(ours)} ${unit}`, '', '', '']
  const met = bound.at === 'most' ? ours <= bound.value : ours >= bound.value
  return [name, `${number(ours)} ${unit}`, `at ${bound.at} ${number(bound.value)} ${unit} (${bound.what})`, (ours / bound.value).toFixed(2), met ? '✓' : '✗']
}

const rounded = ({ bound, ...figure }: Figure) => ({ ...figure, ours: Number(number(figure.ours)), ...(bound && { bound: { ...bound, value: Number(number(bound.value)) } }) })

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2)
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
