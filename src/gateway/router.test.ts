import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Door, Route, Verb } from '#ground/door.ts'
import { testDoor } from '../../tests/support/gateway.ts'
import { Router } from './router.ts'

function routerOf(...paths: (string | [Verb, string])[]): Router {
  const routes = paths.map((given): Partial<Route> & Pick<Route, 'path' | 'handle'> => {
    const [verb, path] = typeof given === 'string' ? (['GET', given] as const) : given
    return { id: `${verb} ${path}`, verb, path, handle() {} }
  })
  const router = new Router()
  router.add(testDoor(routes))
  return router
}

function found(router: Router, verb: Verb, path: string, owner?: Door) {
  const match = router.find(verb, path, owner)
  return match && 'route' in match ? { id: match.route.id, params: match.params } : match
}

test('a name with slashes stays one name, as the client encoded it', () => {
  const router = routerOf('/b/{bucket}/o/{object}', '/b/{bucket}/o')
  expect(found(router, 'GET', '/b/lake/o/a%2Fb')).toEqual({ id: 'GET /b/{bucket}/o/{object}', params: { bucket: 'lake', object: 'a/b' } })
  expect(found(router, 'GET', '/b/lake/o/a/b')).toBeUndefined()
  expect(found(router, 'GET', '/b/lake/o')).toMatchObject({ id: 'GET /b/{bucket}/o' })
  expect(found(router, 'GET', '/b/lake/o/')).toBeUndefined()
})

test('a literal verb at the end of a segment is told from a name, encoded or not', () => {
  const router = routerOf(['POST', '/topics/{topic}:publish'], ['POST', '/topics/{topic}'])
  expect(found(router, 'POST', '/topics/orders:publish')).toEqual({ id: 'POST /topics/{topic}:publish', params: { topic: 'orders' } })
  expect(found(router, 'POST', '/topics/orders%3Apublish')).toMatchObject({ id: 'POST /topics/{topic}:publish' })
  expect(found(router, 'POST', '/topics/orders:other')).toEqual({ id: 'POST /topics/{topic}', params: { topic: 'orders:other' } })
  expect(found(router, 'POST', '/topics/:publish')).toEqual({ id: 'POST /topics/{topic}', params: { topic: ':publish' } })
})

test('a literal segment comes before a parameter, a parameter before the rest, and a dead end is left again', () => {
  const router = routerOf('/v1/{name}', '/v1/fixed/deep', '/v1/{any=**}')
  expect(found(router, 'GET', '/v1/fixed/deep')).toMatchObject({ id: 'GET /v1/fixed/deep' })
  expect(found(router, 'GET', '/v1/fixed')).toEqual({ id: 'GET /v1/{name}', params: { name: 'fixed' } })
  expect(found(router, 'GET', '/v1/fixed/other')).toEqual({ id: 'GET /v1/{any=**}', params: { any: 'fixed/other' } })
})

test('the verbs of a path are told where none fits', () => {
  const router = routerOf(['PUT', '/b/{bucket}'], ['DELETE', '/b/{bucket}'])
  expect(router.find('GET', '/b/lake', undefined)).toEqual({ verbs: ['PUT', 'DELETE'] })
})

test('of two doors with one path, the one whose host was called answers', () => {
  const [first, second] = [testDoor([{ id: 'first', path: '/x', handle() {} }]), testDoor([{ id: 'second', path: '/x', handle() {} }])]
  const router = new Router()
  router.add(first)
  router.add(second)
  expect(found(router, 'GET', '/x', second)).toMatchObject({ id: 'second' })
  expect(found(router, 'GET', '/x')).toMatchObject({ id: 'first' })
})

test('every name round-trips through its encoded form', () => {
  const router = routerOf('/b/{bucket}/o/{object}')
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }).filter((name) => name.isWellFormed()), (name) => {
      expect(found(router, 'GET', `/b/lake/o/${encodeURIComponent(name)}`)).toMatchObject({ params: { bucket: 'lake', object: name } })
    }),
  )
})

test('whatever path comes, the answer is a route, the verbs, nothing, or a refusal of broken encoding', () => {
  const router = routerOf('/b/{bucket}/o/{object}', ['POST', '/topics/{topic}:publish'], '/v1/{any=**}')
  const segment = fc.oneof(fc.string(), fc.constantFrom('b', 'o', 'topics', 'v1', '%', '%2', '%zz', '%C0%AF', '..', ''))
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      try {
        router.find('GET', `/${segments.join('/')}`, undefined)
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT' })
      }
    }),
  )
})
