/** A gateway with doors of a test's own on a free port, stopped when the test is. */
import { systemClock } from '#ground/clock.ts'
import type { Door, GrpcDoor, Route } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { systemIds } from '#ground/ids.ts'
import { openMetrics, silentLog } from '#ground/telemetry.ts'
import { onTestFinished } from 'vitest'
import { Gateway } from '#gateway/gateway.ts'
import { openIdentity } from '#gateway/identity.ts'
import type { Identity } from '#gateway/identity.ts'
import type { ConnectionLimits } from '#gateway/limits.ts'

export interface GatewayWish {
  doors?: Door[]
  grpcDoors?: GrpcDoor[]
  identity?: Identity
  allowedHosts?: string[]
  limits?: Partial<ConnectionLimits>
}

export async function startGateway(wish: GatewayWish) {
  const clock = systemClock()
  const metrics = openMetrics()
  const gateway = new Gateway({
    doors: wish.doors ?? [testDoor([])],
    grpcDoors: wish.grpcDoors ?? [],
    identity: wish.identity ?? openIdentity,
    allowedHosts: wish.allowedHosts ?? [],
    clock,
    ids: systemIds(clock),
    log: silentLog(),
    metrics,
    ...(wish.limits && { limits: wish.limits }),
  })
  const { host, port } = await gateway.listen('127.0.0.1', 0)
  onTestFinished(() => gateway.stop())
  return { gateway, metrics, port, url: `http://${host}:${port}` }
}

export function testDoor(routes: (Partial<Route> & Pick<Route, 'path' | 'handle'>)[], rest: Partial<Door> = {}): Door {
  return {
    name: 'test',
    hosts: [],
    renderFault: sendGoogleFault,
    ...rest,
    routes: routes.map((route) => ({ id: `test.${route.path}`, verb: 'GET', permission: null, ...route })),
  }
}
