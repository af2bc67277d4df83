/**
 * Runs one user's function on Node: loads it, finds out its kind, then answers the calls that the house sends over a pipe.
 * Plain JavaScript for Node 18 and newer. Frames are two lengths, a JSON head and raw bytes; they come in at descriptor 3 and leave at 4.
 */
'use strict'
const { writeSync, existsSync, readFileSync } = require('node:fs')
const http = require('node:http')
const Module = require('node:module')
const { Socket } = require('node:net')
const { join } = require('node:path')
const { Duplex, Writable } = require('node:stream')
const { pathToFileURL } = require('node:url')

const OUTPUT = 4
const CHUNK_BYTES = 256 * 1024
const FRAMEWORK = '@google-cloud/functions-framework'

function writeFrame(head, body = Buffer.alloc(0)) {
  const text = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(text.length, 0)
  lengths.writeUInt32BE(body.length, 4)
  const frame = Buffer.concat([lengths, text, body])
  for (let at = 0; at < frame.length; ) at += writeSync(OUTPUT, frame, at)
}

function readFrames(onFrame, onEnd) {
  let held = Buffer.alloc(0)
  let chunks = []
  let bytes = 0
  const input = new Socket({ fd: 3, readable: true, writable: false })
  input.on('data', (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    for (;;) {
      if (held.length < 8 && held.length < bytes) [held, chunks] = [Buffer.concat([held, ...chunks]), []]
      if (held.length < 8) return
      const [head_bytes, body_bytes] = [held.readUInt32BE(0), held.readUInt32BE(4)]
      const whole = 8 + head_bytes + body_bytes
      if (bytes < whole) return
      if (chunks.length > 0) [held, chunks] = [Buffer.concat([held, ...chunks]), []]
      const head = JSON.parse(held.toString('utf8', 8, 8 + head_bytes))
      const body = held.subarray(8 + head_bytes, whole)
      held = held.subarray(whole)
      bytes -= whole
      onFrame(head, body)
    }
  })
  input.on('end', onEnd)
  input.on('error', onEnd)
}

/** The stack as one entry of the log. */
function tell(trouble) {
  const text = trouble instanceof Error ? trouble.stack || String(trouble) : `Uncaught: ${String(trouble)}`
  writeSync(2, `${JSON.stringify({ severity: 'ERROR', message: text })}\n`)
  return text
}

// ---- what the code is

const registered = new Map()

/** Stands in for the framework: only the registering; the serving is this runner's. */
const shim = {
  http: (name, handler) => registered.set(name, { kind: 'http', handler }),
  cloudEvent: (name, handler) => registered.set(name, { kind: 'cloudevent', handler }),
  typed: (name, handler) => registered.set(name, { kind: 'typed', handler }),
}

function standIn() {
  const load = Module._load
  Module._load = function (request, ...rest) {
    return request === FRAMEWORK ? shim : load.call(this, request, ...rest)
  }
  // Modules that `import` it get the same through a module of ours.
  if (typeof Module.registerHooks !== 'function') return
  const text = 'const { shim } = globalThis[Symbol.for("functions.shim")]; export const { http, cloudEvent, typed } = shim; export default shim'
  globalThis[Symbol.for('functions.shim')] = { shim }
  Module.registerHooks({
    resolve: (name, context, next) => (name === FRAMEWORK ? { url: `data:text/javascript,${encodeURIComponent(text)}`, shortCircuit: true } : next(name, context)),
  })
}

class NotAFunction extends Error {}

function entryFile(source) {
  const manifest = join(source, 'package.json')
  const { main } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {}
  const found = [main, 'index.js', 'function.js', 'index.mjs', 'index.cjs'].filter(Boolean).map((name) => join(source, name)).flatMap((path) => [path, `${path}.js`, join(path, 'index.js')])
  const file = found.find((path) => existsSync(path) && !require('node:fs').statSync(path).isDirectory())
  if (!file) throw new NotAFunction('There is no package.json with "main", no index.js and no function.js at the root of the source.')
  return file
}

async function load(source, target) {
  process.chdir(source)
  const file = entryFile(source)
  let module
  try {
    module = file.endsWith('.mjs') ? await import(pathToFileURL(file).href) : require(file)
  } catch (trouble) {
    if (trouble?.code !== 'ERR_REQUIRE_ESM' && trouble?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw trouble
    module = await import(pathToFileURL(file).href)
  }
  if (registered.has(target)) return registered.get(target)
  const inside = (from) => target.split('.').reduce((at, name) => at?.[name], from)
  const handler = inside(module) ?? inside(module?.default)
  if (handler === undefined) {
    const names = [...registered.keys(), ...Object.keys(module ?? {}).filter((name) => typeof module[name] === 'function')]
    throw new NotAFunction(`${file.slice(source.length + 1)} has no function "${target}". It has: ${names.join(', ') || 'none'}.`)
  }
  if (typeof handler !== 'function') throw new NotAFunction(`"${target}" is a ${typeof handler}, not a function.`)
  return { handler }
}

const kindOf = ({ kind, handler }, trigger) => kind ?? (trigger === 'http' ? 'http' : handler.length === 2 || handler.length === 3 ? 'event' : 'cloudevent')

// ---- answers

/** A background function ends by its promise, or by the callback it takes. */
function eventAnswerer(handler) {
  return async (_call, body) => {
    const { legacy } = JSON.parse(body)
    await called(handler, [legacy.data, legacy.context], 3)
    return undefined
  }
}

function cloudEventAnswerer(handler) {
  return async (_call, body) => {
    const { attributes, data } = JSON.parse(body)
    await called(handler, [{ ...attributes, data }], 2)
  }
}

function called(handler, given, withCallback) {
  if (handler.length < withCallback) return handler(...given)
  return new Promise((resolve, reject) => {
    const done = (error) => (error ? reject(error) : resolve())
    Promise.resolve(handler(...given, done)).catch(reject)
  })
}

function httpAnswerer(handler, source) {
  const express = requireFrom(source, 'express')
  const app = express()
  app.disable('x-powered-by')
  app.enable('trust proxy')
  app.use((request, _response, next) => {
    request.rawBody = request.potorooBody
    next()
  })
  const options = { limit: '1024mb' }
  app.use(express.json({ ...options, type: 'application/json' }), express.text({ ...options, type: 'text/*' }), express.urlencoded({ ...options, extended: true }), express.raw({ ...options, type: '*/*' }))
  app.use((request, response, next) => {
    if (request.path === '/robots.txt' || request.path === '/favicon.ico') return response.sendStatus(404)
    Promise.resolve(handler(request, response, next)).catch(next)
  })
  app.use((error, request, response, _next) => {
    tell(error)
    request.potorooCrash.text = `${error?.name ?? 'Error'}: ${error?.message ?? error}`
    if (response.headersSent) return response.destroy()
    response.set('X-Google-Status', 'crash').status(error?.status ?? 500).type('text/plain').send(error?.message ?? String(error))
  })
  return async (call, body) => {
    const crash = {}
    await answerRequest(app, call, body, crash)
    return crash.text
  }
}

function typedAnswerer(handler, source) {
  return httpAnswerer(async (request, response) => response.json(await handler(request.body)), source)
}

function requireFrom(source, name) {
  for (const from of [join(source, 'index.js'), ...(process.env.NODE_PATH ?? '').split(':').filter(Boolean).map((folder) => join(folder, 'x.js'))]) {
    try {
      return Module.createRequire(from)(name)
    } catch (trouble) {
      if (trouble?.code !== 'MODULE_NOT_FOUND') throw trouble
    }
  }
  throw new NotAFunction(`The package ${name} is not installed.`)
}

/** Node's own request and response, with a socket that leads nowhere: what the function writes is taken from beside it. */
function answerRequest(app, call, body, crash) {
  return new Promise((resolve, reject) => {
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    Object.assign(socket, { remoteAddress: call.client, encrypted: call.scheme === 'https', setTimeout() {}, setNoDelay() {}, setKeepAlive() {} })
    const request = new http.IncomingMessage(socket)
    Object.assign(request, { method: call.method, url: call.target, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, potorooBody: body, potorooCrash: crash, complete: true })
    request.rawHeaders = call.headers.flat()
    for (const [name, value] of call.headers) request.headers[name] = request.headers[name] === undefined ? value : `${request.headers[name]}, ${value}`
    request.headers['content-length'] = String(body.length)
    if (body.length > 0) request.push(body)
    request.push(null)
    const response = new http.ServerResponse(request)
    response.assignSocket(socket)
    tap(response, call.id, resolve)
    response.once('close', () => (response.writableEnded ? resolve() : reject(new Error('The function ended its response before it was whole.'))))
    app(request, response)
  })
}

function tap(response, id, done) {
  let headSent = false
  const head = () => {
    if (headSent) return
    headSent = true
    const headers = Object.entries(response.getHeaders()).flatMap(([name, value]) => (Array.isArray(value) ? value.map((one) => [name, String(one)]) : [[name, String(value)]]))
    writeFrame({ t: 'head', id, status: response.statusCode, headers })
  }
  const chunk = (data, encoding) => {
    if (data === undefined || data === null || typeof data === 'function') return
    const bytes = typeof data === 'string' ? Buffer.from(data, typeof encoding === 'string' ? encoding : 'utf8') : Buffer.from(data)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) writeFrame({ t: 'chunk', id }, bytes.subarray(at, at + CHUNK_BYTES))
  }
  const { write, end, writeHead, flushHeaders } = response
  // Headers given here are not among those that are set.
  response.writeHead = function (status, reason, headers) {
    for (const [name, value] of Object.entries((typeof reason === 'object' ? reason : headers) ?? {})) response.setHeader(name, value)
    return writeHead.call(this, status)
  }
  response.flushHeaders = function () {
    head()
    return flushHeaders.call(this)
  }
  response.write = function (data, encoding, callback) {
    head()
    chunk(data, encoding)
    return write.call(this, data, encoding, callback)
  }
  response.end = function (data, encoding, callback) {
    if (!this.writableEnded) {
      head()
      chunk(data, encoding)
    }
    const ended = end.call(this, data, encoding, callback)
    done()
    return ended
  }
}

// ---- the loop

const ANSWERERS = { http: httpAnswerer, typed: typedAnswerer, event: eventAnswerer, cloudevent: cloudEventAnswerer }

async function answerOne(answer, call, body) {
  try {
    const crash = await answer(call, body)
    writeFrame({ t: 'end', id: call.id, ...(typeof crash === 'string' && { crash }) })
  } catch (trouble) {
    tell(trouble)
    writeFrame({ t: 'end', id: call.id, error: trouble instanceof Error ? `${trouble.name}: ${trouble.message}` : String(trouble) })
  }
}

async function begin({ source, target, trigger }) {
  try {
    standIn()
    const found = await load(source, target)
    const kind = kindOf(found, trigger)
    const answer = ANSWERERS[kind](found.handler, source)
    writeFrame({ t: 'ready', kind })
    return answer
  } catch (trouble) {
    writeFrame({ t: 'failed', message: trouble instanceof NotAFunction ? trouble.message : tell(trouble) })
    process.exit(1)
  }
}

let answer
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (trouble) => {
    tell(trouble)
    process.exit(16)
  })
}
readFrames(
  (head, body) => {
    if (head.t === 'init') answer = begin(head)
    else void answer.then((ready) => answerOne(ready, head, body))
  },
  () => process.exit(0),
)
