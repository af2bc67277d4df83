/** The machine's own settings for package indexes, proxies and certificates, passed on to builds. Never its other secrets. */
import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'

const PASSED = /^(PIP_|UV_|npm_config_|NPM_CONFIG_)|^(SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$/

/** uv does not read pip's variables. */
const AS_UV: readonly (readonly [pip: string, uv: string])[] = [
  ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX'],
  ['PIP_EXTRA_INDEX_URL', 'UV_INDEX'],
  ['PIP_FIND_LINKS', 'UV_FIND_LINKS'],
  ['PIP_CERT', 'SSL_CERT_FILE'],
  ['PIP_DEFAULT_TIMEOUT', 'UV_HTTP_TIMEOUT'],
]

/** Of a cache or configuration that lies in the house's own home, which the build cannot see. */
const OWN_AFFAIRS = new Set(['UV_CACHE_DIR', 'PIP_CACHE_DIR', 'npm_config_cache', 'npm_config_userconfig', 'npm_config_globalconfig', 'npm_config_prefix'])

export interface MachineSettings {
  env: Record<string, string>
  /** Files and folders that the settings name. */
  readable: string[]
}

export function machineSettings(environment: NodeJS.ProcessEnv): MachineSettings {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && PASSED.test(name) && !OWN_AFFAIRS.has(name)) env[name] = value
  }
  for (const [pip, uv] of AS_UV) {
    const value = env[pip]
    // pip separates by blanks, uv by commas.
    if (value !== undefined && env[uv] === undefined) env[uv] = uv.startsWith('UV_') ? value.trim().split(/\s+/).join(',') : value
  }
  const paths = Object.values(env).flatMap((value) => value.split(/[\s,]+/)).filter((value) => isAbsolute(value) && existsSync(value))
  return { env, readable: [...new Set(paths)] }
}
