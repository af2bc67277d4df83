/** The library's functions that wait for the world, or speak to it: call steps only, carried out by the machine. */
import { CALLBACK_TIMEOUT_S_DEFAULT } from '../limits.ts'
import { params, type Parameter } from './library.ts'

const REQUEST: readonly Parameter[] = params(
  'url', ['timeout', null], ['body', null], ['headers', null], ['query', null], ['auth', null], ['private_service_name', null], ['ca_certificate', null],
)

export const BLOCKING: Readonly<Record<string, readonly Parameter[]>> = {
  // A body on a GET is unusual and not forbidden; the documentation leaves it out, so it is last.
  'http.get': [...REQUEST.filter(({ name }) => name !== 'body'), ...REQUEST.filter(({ name }) => name === 'body')],
  'http.post': REQUEST,
  'http.put': REQUEST,
  'http.patch': REQUEST,
  'http.delete': REQUEST,
  'http.request': [{ name: 'method' }, ...REQUEST],
  'sys.sleep': params('seconds'),
  'sys.sleep_until': params('time'),
  'sys.log': params(['data', null], ['severity', 'DEFAULT'], ['text', null], ['json', null], ['timeout', null]),
  'events.create_callback_endpoint': params(['http_callback_method', 'POST']),
  'events.await_callback': params('callback', ['timeout', CALLBACK_TIMEOUT_S_DEFAULT]),
}
