/** The OpenAPI document of everything the house answers, made from the doors' own routes. */
import type { Door, Route } from '#ground/door.ts'

export function openApi(doors: Door[], origin: string, version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const door of doors) {
    for (const route of door.routes) {
      const path = route.path.replaceAll('=**', '')
      const methods = (paths[path] ??= {})
      methods[route.verb.toLowerCase()] ??= operation(door, route)
    }
  }
  return { openapi: '3.1.0', info: { title: 'Potoroo', version }, servers: [{ url: origin }], paths }
}

function operation(door: Door, route: Route): Record<string, unknown> {
  const names = [...route.path.matchAll(/\{(\w+)/g)].map((found) => found[1]!)
  return {
    operationId: route.id,
    tags: [door.name],
    parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...(route.permission !== null && { 'x-permission': route.permission }),
    responses: { default: { description: 'As the cloud documents it for this method.' } },
  }
}
