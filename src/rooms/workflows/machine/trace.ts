/** Where an error came from: one element for each call, the innermost first, as failed executions show it. */
import type { Program } from '../language/program.ts'
import { writeJson } from '../language/json.ts'
import { isList, isMap, type Value } from '../language/values.ts'
import type { Thread, TraceElement } from './state.ts'

export function traceOf(program: Program, thread: Thread): TraceElement[] {
  return thread.frames.toReversed().map((frame) => {
    const { name, at } = program.routines.get(frame.routine)!.nodes[frame.at]!
    return { step: name, routine: frame.routine, line: at.line, column: at.column, length: at.length }
  })
}

export function contextOf(error: Value, trace: readonly TraceElement[]): string {
  return [messageOf(error), ...trace.map(({ step, routine, line }) => `in step "${step}", routine "${routine}", line: ${line}`)].join('\n')
}

function messageOf(error: Value): string {
  if (isMap(error) && typeof error['message'] === 'string') return error['message']
  return `RuntimeError: ${writeJson(error)}`
}

export function tagsOf(error: Value): string[] {
  const tags = isMap(error) ? error['tags'] : undefined
  return tags !== undefined && isList(tags) ? tags.filter((tag) => typeof tag === 'string') : ['RuntimeError']
}
