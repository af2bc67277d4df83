/** json.*: between values and JSON text. */
import { NotJson, parseJson, writeJson } from '../language/json.ts'
import { raised } from '../language/raised.ts'
import { Bytes, isMap, type Value } from '../language/values.ts'
import { bytes, text } from './expect.ts'
import { params, type Library } from './library.ts'

export const jsonLibrary: Library = {
  'json.decode': {
    params: params('data'),
    run([data]) {
      const source = typeof data === 'string' ? data : Buffer.from(bytes(data, 'json.decode')).toString('utf8')
      try {
        return parseJson(source)
      } catch (error) {
        if (!(error instanceof NotJson)) throw error
        throw raised('ValueError', `json.decode: ${error.message}`)
      }
    },
  },
  'json.encode': {
    params: params('data', ['indent', null]),
    run: ([data, indent]) => new Bytes(new Uint8Array(Buffer.from(encoded(data!, indent!)))),
  },
  'json.encode_to_string': { params: params('data', ['indent', null]), run: ([data, indent]) => encoded(data!, indent!) },
}

function encoded(data: Value, indent: Value): string {
  if (indent === null || indent === false) return writeJson(data)
  if (indent === true) return writeJson(data, '  ')
  if (!isMap(indent)) throw raised('TypeError', 'json.encode: indent must be a boolean or a map of prefix and indent')
  const prefix = indent['prefix'] === undefined ? '' : text(indent['prefix'], 'json.encode')
  const step = indent['indent'] === undefined ? '  ' : text(indent['indent'], 'json.encode')
  return indented(data, prefix, step)
}

/** JSON.stringify cuts an indent to ten characters and knows no prefix, hence by way of a placeholder. */
function indented(data: Value, prefix: string, step: string): string {
  const [first, ...rest] = writeJson(data, '\t').split('\n')
  return [first, ...rest.map((line) => prefix + line.replace(/^\t+/, (tabs) => step.repeat(tabs.length)))].join('\n')
}
