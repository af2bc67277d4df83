/** A program as boxes and arrows, for the console: which step leads to which, and what stands inside what. */
import type { Label, Node, Program, Routine } from './language/program.ts'

export interface Graph {
  routines: { name: string; params: string[]; steps: GraphStep[]; arrows: Arrow[] }[]
}

export interface GraphStep {
  id: number
  name: string
  type: string
  line: number
  /** What a call step calls. */
  calls?: string
}

export interface Arrow {
  from: number
  /** Null: the end of the routine, or of the branch. */
  to: number | null
  kind: 'next' | 'case' | 'body' | 'except' | 'branch' | 'again'
  label?: string
}

export function graphOf(program: Program, prelude: Program): Graph {
  const own = [...program.routines.values()].filter((routine) => prelude.routines.get(routine.name) !== routine)
  return { routines: own.map((routine) => ({ name: routine.name, params: routine.params.map(({ name }) => name), ...stepsOf(routine) })) }
}

function stepsOf(routine: Routine): { steps: GraphStep[]; arrows: Arrow[] } {
  const steps = routine.nodes.filter(({ type }) => type !== undefined)
  return {
    steps: steps.map(({ id, name, type, at, operation }) => ({ id, name, type: type!, line: at.line, ...(operation.op === 'call' && { calls: operation.target.name }) })),
    arrows: steps.flatMap((step) => arrowsOf(routine, step)),
  }
}

function arrowsOf(routine: Routine, { id, operation, after }: Node): Arrow[] {
  const to = (label: Label) => nextStep(routine, label)
  const next: Arrow = { from: id, to: to(after), kind: 'next' }
  switch (operation.op) {
    case 'switch':
      return [...operation.cases.map(({ then }, i): Arrow => ({ from: id, to: to(then), kind: 'case', label: String(i + 1) })), next]
    case 'for':
      return [{ from: id, to: to(operation.body), kind: 'body' }, next]
    case 'try':
      return [{ from: id, to: to(operation.body), kind: 'body' }, ...(operation.except ? [{ from: id, to: to(operation.except.body), kind: 'except' } as const] : [])]
    case 'parallel': {
      const branches = operation.loop ? [{ name: operation.loop.value, body: operation.loop.body }] : operation.branches!
      return [...branches.map(({ name, body }): Arrow => ({ from: id, to: to(body), kind: 'branch', label: name })), next]
    }
    case 'return':
    case 'raise':
      return []
    default:
      return next.to !== null && next.to <= id ? [{ ...next, kind: 'again' }] : [next]
  }
}

/** Through the unnamed ends of blocks to the step that runs next; the end of a loop's body leads back to its loop. */
function nextStep(routine: Routine, label: Label): number | null {
  let node = routine.nodes[label.id]!
  // Each hop leaves a block or enters a list, so there are no more of them than nodes.
  for (let hops = 0; node.type === undefined && hops < routine.nodes.length; hops++) {
    const { op } = node.operation
    if (op === 'routineEnd' || op === 'branchEnd') return null
    if (op === 'forNext') return routine.nodes.findLast(({ id, operation }) => id < node.id && operation.op === 'for' && operation.next.id === node.id)?.id ?? null
    node = routine.nodes[node.operation.op === 'enter' ? node.operation.body.id : node.after.id]!
  }
  return node.id
}
