/** Call steps: library functions at once, sub-workflows as frames, and what waits as waits. */
import type { Operation } from '../language/program.ts'
import { raised } from '../language/raised.ts'
import { isMap, isNumber, mapOf, toNumber, typeWord, type Value } from '../language/values.ts'
import { CALLBACK_TIMEOUT_S_DEFAULT, SLEEP_S_MAX } from '../limits.ts'
import { seconds } from '../stdlib/time.ts'
import type { ConnectorMove } from './host.ts'
import { httpRequest, type Arguments } from './http-request.ts'
import { responseValue, type HttpOutcome } from './http-response.ts'
import type { Machine } from './machine.ts'
import type { Frame, Thread, Wait } from './state.ts'
import { checkedText } from '../language/expressions/operators.ts'

export function runCall(machine: Machine, thread: Thread, frame: Frame, { target, args }: Operation & { op: 'call' }): void {
  const env = machine.variables.of(thread)
  if (target.kind === 'library') {
    if (!('ordered' in args)) throw new Error(`${target.name} takes its arguments in order`)
    const value = target.fn.run(args.ordered.map((arg) => arg.run(env)), machine.host)
    return answer(machine, thread, frame, typeof value === 'string' ? checkedText(value) : value)
  }
  if (!('named' in args)) throw new Error(`${target.name} takes its arguments by name`)
  const values: Record<string, Value> = {}
  for (const [name, template] of Object.entries(args.named)) values[name] = template.run(env)
  switch (target.kind) {
    case 'routine':
      frame.awaits = { what: 'call' }
      return machine.call(thread, machine.program.routines.get(target.name)!, values)
    case 'connector':
      frame.awaits = { what: 'call' }
      return startConnector(machine, thread, target.name, values)
    case 'blocking':
      return runBlocking(machine, thread, frame, target.name, values)
  }
}

function answer(machine: Machine, thread: Thread, frame: Frame, value: Value): void {
  frame.awaits = { what: 'call' }
  machine.deliver(thread, value)
}

function runBlocking(machine: Machine, thread: Thread, frame: Frame, name: string, args: Arguments): void {
  const now_ms = machine.host.now_ms()
  const sleep = (until_ms: number) => {
    frame.awaits = { what: 'call' }
    thread.wait = { kind: 'timer', id: machine.nextId(), due_ms: until_ms, connector: null }
  }
  switch (name) {
    case 'sys.log':
      log(machine, thread, args)
      return answer(machine, thread, frame, null)
    case 'sys.sleep':
      return sleep(now_ms + duration_s(args['seconds']!, name) * 1000)
    case 'sys.sleep_until': {
      const until = args['time']!
      if (typeof until !== 'string') throw raised('TypeError', `sys.sleep_until: time must be a string, not '${typeWord(until)}'`)
      const until_ms = seconds(until, name) * 1000
      if (until_ms - now_ms > SLEEP_S_MAX * 1000) throw raised('ValueError', 'sys.sleep_until: at most one year ahead')
      return sleep(Math.max(now_ms, until_ms))
    }
    case 'events.create_callback_endpoint':
      return answer(machine, thread, frame, createCallback(machine, args['http_callback_method']!))
    case 'events.await_callback':
      return awaitCallback(machine, thread, frame, args)
    default:
      frame.awaits = { what: 'call' }
      thread.wait = { kind: 'http', id: machine.nextId(), request: httpRequest(name, args), connector: null }
  }
}

function duration_s(value: Value, where: string): number {
  if (!isNumber(value)) throw raised('TypeError', `${where}: seconds must be a number, not '${typeWord(value)}'`)
  const duration = toNumber(value)
  if (duration < 0 || duration > SLEEP_S_MAX) throw raised('ValueError', `${where}: seconds must be 0 to ${SLEEP_S_MAX} (one year)`)
  return duration
}

const SEVERITIES = new Set(['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'])

function log(machine: Machine, thread: Thread, args: Arguments): void {
  const severity = args['severity']!
  if (typeof severity !== 'string') throw raised('TypeError', `sys.log: severity must be a string, not '${typeWord(severity)}'`)
  if (!SEVERITIES.has(severity.toUpperCase())) throw raised('ValueError', `sys.log: unknown severity ${JSON.stringify(severity)}`)
  machine.log(thread, severity.toUpperCase(), args['json'] ?? args['text'] ?? args['data'] ?? null)
}

function createCallback(machine: Machine, method: Value): Value {
  if (typeof method !== 'string') throw raised('TypeError', `http_callback_method must be a string, not '${typeWord(method)}'`)
  const id = machine.host.uuid()
  machine.state.callbacks[id] = { method: method.toUpperCase(), arrived: null }
  return mapOf({ url: machine.host.callbackUrl(id) })
}

function awaitCallback(machine: Machine, thread: Thread, frame: Frame, args: Arguments): void {
  const endpoint = args['callback']!
  const url = isMap(endpoint) ? endpoint['url'] : undefined
  if (typeof url !== 'string') throw raised('TypeError', 'events.await_callback: callback must be what events.create_callback_endpoint returned')
  const id = url.split('/').at(-1)!
  const callback = machine.state.callbacks[id]
  if (!callback) throw raised('ValueError', `events.await_callback: ${url} is not a callback of this execution`)
  const timeout_s = args['timeout'] === null ? CALLBACK_TIMEOUT_S_DEFAULT : duration_s(args['timeout']!, 'events.await_callback')
  const { arrived } = callback
  if (arrived) {
    callback.arrived = null
    return answer(machine, thread, frame, arrived)
  }
  frame.awaits = { what: 'call' }
  thread.wait = { kind: 'callback', id: machine.nextId(), callback: id, due_ms: machine.host.now_ms() + timeout_s * 1000 }
}

// ----- what was waited for -----

export function startConnector(machine: Machine, thread: Thread, method: string, args: Arguments): void {
  connectorMoved(machine, thread, machine.host.connectors.begin(method, args, machine.host))
}

function connectorMoved(machine: Machine, thread: Thread, moved: ConnectorMove): void {
  switch (moved.move) {
    case 'send':
      thread.wait = { kind: 'http', id: machine.nextId(), request: moved.state.request, connector: moved.state }
      return
    case 'sleep':
      thread.wait = { kind: 'timer', id: machine.nextId(), due_ms: machine.host.now_ms() + moved.delay_ms, connector: moved.state }
      return
    case 'done':
      return machine.deliver(thread, moved.value)
  }
}

export function completeWait(machine: Machine, thread: Thread, wait: Wait, event: HttpOutcome | 'woke' | 'arrived'): void {
  thread.wait = null
  machine.guarded(thread, () => {
    if ('connector' in wait && wait.connector) {
      if (event === 'arrived') return
      return connectorMoved(machine, thread, machine.host.connectors.resume(wait.connector, event, machine.host))
    }
    if (wait.kind === 'http' && typeof event === 'object') return machine.deliver(thread, responseValue(event))
    if (wait.kind === 'timer') return machine.deliver(thread, null)
    if (wait.kind === 'callback') return callbackEnded(machine, thread, wait.callback)
  })
}

function callbackEnded(machine: Machine, thread: Thread, id: string): void {
  const callback = machine.state.callbacks[id]!
  const { arrived } = callback
  if (!arrived) throw raised('TimeoutError', 'timed out waiting for a callback')
  callback.arrived = null
  machine.deliver(thread, arrived)
}
