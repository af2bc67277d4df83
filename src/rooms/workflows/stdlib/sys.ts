/** sys.* and uuid.*, as far as they do not wait (stdlib/blocking.ts has the rest). */
import { double } from '../language/values.ts'
import { text } from './expect.ts'
import { params, type Library } from './library.ts'

export const sysLibrary: Library = {
  'sys.get_env': {
    params: params('name', { name: 'default', aliases: ['default_value'], default: null }),
    run: ([name, fallback], host) => host.env(text(name, 'sys.get_env')) ?? fallback!,
  },
  'sys.now': { params: [], run: (_args, host) => double(host.now_ms() / 1000) },
  'uuid.generate': { params: [], run: (_args, host) => host.uuid() },
}
