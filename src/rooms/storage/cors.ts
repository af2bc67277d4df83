/** Which web pages a bucket lets in, by its own CORS rules. */
import type { Call, CorsRule } from '#ground/door.ts'
import type { StorageService } from './service.ts'

const MAX_AGE_S = 3600

export async function corsRule(storage: StorageService, call: Call, origin: string, verb: string): Promise<CorsRule | undefined> {
  const name = call.params['bucket']
  const bucket = name === undefined ? undefined : await storage.shelf.bucket(name)
  const rule = bucket?.config.cors?.find(
    ({ origin: origins, method }) => origins?.some((pattern) => pattern === '*' || pattern === origin) && method?.some((allowed) => allowed === '*' || allowed === verb),
  )
  return rule && { methods: rule.method ?? [], headers: rule.responseHeader ?? [], maxAge_s: rule.maxAgeSeconds ?? MAX_AGE_S }
}
