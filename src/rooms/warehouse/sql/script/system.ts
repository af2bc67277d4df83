/** The @@ variables of a script. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { ChildJob, CompileOptions, ScriptHost, SqlType, StatementOutcome, TypedValue, Value } from '../types.ts'

const STRING: SqlType = { kind: 'STRING' }
const INT64: SqlType = { kind: 'INT64' }
const FRAMES: SqlType = { kind: 'ARRAY', element: { kind: 'STRUCT', fields: [{ name: 'line', type: INT64 }, { name: 'column', type: INT64 }, { name: 'filename', type: STRING }, { name: 'location', type: STRING }] } }

const SETTABLE = new Set(['dataset_id', 'dataset_project_id', 'query_label', 'time_zone', 'location', 'reservation'])

export class SystemVariables {
  readonly #values: Record<string, TypedValue>

  constructor(host: ScriptHost, options: CompileOptions, clock: Clock) {
    const text = (value: Value): TypedValue => ({ type: STRING, value })
    const number = (value: number): TypedValue => ({ type: INT64, value: String(value) })
    this.#values = {
      'project_id': text(host.projectId),
      'dataset_id': text(host.defaultDataset?.datasetId ?? null),
      'dataset_project_id': text(host.defaultDataset?.projectId ?? null),
      'time_zone': text('UTC'),
      'query_label': text(null),
      'location': text(null),
      'reservation': text(null),
      'session_id': text(null),
      'current_job_id': text(null),
      'last_job_id': text(null),
      'row_count': { type: INT64, value: null },
      'script.job_id': text(null),
      'script.bytes_processed': number(0),
      'script.bytes_billed': number(0),
      'script.slot_ms': number(0),
      'script.num_child_jobs': number(0),
      'script.creation_time': { type: { kind: 'TIMESTAMP' }, value: new Date(clock.now_ms()).toISOString().replace('T', ' ').replace('Z', '+00') },
      'error.message': text(null),
      'error.statement_text': text(null),
      'error.formatted_stack_trace': text(null),
      'error.stack_trace': { type: FRAMES, value: null },
      ...options.systemVariables,
    }
  }

  values(): Record<string, TypedValue> {
    return this.#values
  }

  set(name: string, value: Value): void {
    const current = this.#values[name]
    if (!current) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `System variable not found: @@${name}`)
    if (!SETTABLE.has(name)) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `System variable @@${name} is read only`)
    if (name === 'time_zone' && !/^(UTC|GMT|Etc\/UTC)$/i.test(String(value))) throw new Fault('UNIMPLEMENTED', 'notImplemented', 'A time zone other than UTC in @@time_zone is not supported.', { hint: 'Name the zone in the function call.' })
    this.#values[name] = { type: current.type, value }
    // dataset.x or project.dataset in one go.
    if (name === 'dataset_id' && typeof value === 'string' && value.includes('.')) {
      this.#values['dataset_project_id'] = { type: STRING, value: value.slice(0, value.lastIndexOf('.')) }
      this.#values['dataset_id'] = { type: STRING, value: value.slice(value.lastIndexOf('.') + 1) }
    }
  }

  defaultDataset(): { projectId: string; datasetId: string } | undefined {
    const datasetId = this.#values['dataset_id']?.value
    const projectId = this.#values['dataset_project_id']?.value ?? this.#values['project_id']?.value
    return typeof datasetId === 'string' && typeof projectId === 'string' ? { projectId, datasetId } : undefined
  }

  /** After a child job. */
  after(outcome: StatementOutcome, children: number): void {
    this.#values['row_count'] = { type: INT64, value: outcome.affectedRows === undefined ? null : String(outcome.affectedRows) }
    if (outcome.jobId !== undefined) this.#values['last_job_id'] = { type: STRING, value: outcome.jobId }
    if (outcome.bytesProcessed) this.#values['script.bytes_processed'] = { type: INT64, value: String(Number(this.#values['script.bytes_processed']!.value) + outcome.bytesProcessed) }
    this.#values['script.num_child_jobs'] = { type: INT64, value: String(children) }
  }

  /** @@error.* inside a handler; the returned function puts back what was there. */
  error(fault: Fault, statement: string, stack: ChildJob['stackFrames']): () => void {
    const names = ['error.message', 'error.statement_text', 'error.formatted_stack_trace', 'error.stack_trace']
    const before = names.map((name) => this.#values[name]!)
    this.#values['error.message'] = { type: STRING, value: fault.message }
    this.#values['error.statement_text'] = { type: STRING, value: statement }
    this.#values['error.formatted_stack_trace'] = { type: STRING, value: stack.map((frame) => `At ${frame.procedureId ?? ''}[${frame.startLine}:${frame.startColumn}]`).join('\n') }
    this.#values['error.stack_trace'] = { type: FRAMES, value: stack.map((frame) => [String(frame.startLine), String(frame.startColumn), null, frame.procedureId ?? null]) }
    return () => names.forEach((name, i) => (this.#values[name] = before[i]!))
  }
}
