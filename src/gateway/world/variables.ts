/** The variables by which the public clients find a service, and those by which they trust it. One table: the banner, `potoroo env` and every world are made from it. */

export interface Variable {
  name: string
  value: string
}

/** By the name of the room that answers them: the client's own variable, if it has one, and gcloud's overrides with what follows the address. */
const BY_ROOM: Readonly<Record<string, { own?: (url: string) => Variable; overrides: Readonly<Record<string, string>> }>> = {
  storage: { own: (url) => ({ name: 'STORAGE_EMULATOR_HOST', value: url }), overrides: { STORAGE: '/storage/v1/' } },
  warehouse: { own: (url) => ({ name: 'BIGQUERY_EMULATOR_HOST', value: url }), overrides: { BIGQUERY: '/bigquery/v2/' } },
  bus: { own: (url) => ({ name: 'PUBSUB_EMULATOR_HOST', value: new URL(url).host }), overrides: { PUBSUB: '/' } },
  workflows: { overrides: { WORKFLOWS: '/', WORKFLOWEXECUTIONS: '/' } },
  functions: { overrides: { CLOUDFUNCTIONS: '/', RUN: '/', CLOUDBUILD: '/', ARTIFACTREGISTRY: '/', SERVICEUSAGE: '/' } },
  events: { overrides: { EVENTARC: '/', CLOUDSCHEDULER: '/' } },
  secrets: { overrides: { SECRETMANAGER: '/' } },
  logs: { overrides: { LOGGING: '/' } },
  identity: { overrides: { IAM: '/', CLOUDRESOURCEMANAGER: '/' } },
}

export function serviceVariables(room: string, url: string): Variable[] {
  const entry = BY_ROOM[room]
  if (!entry) return []
  const overrides = Object.entries(entry.overrides).map(([service, path]) => ({ name: `CLOUDSDK_API_ENDPOINT_OVERRIDES_${service}`, value: `${url}${path}` }))
  return entry.own ? [entry.own(url), ...overrides] : overrides
}

/** What a client of this room is given first. */
export function mainVariable(room: string, url: string): Variable | undefined {
  return serviceVariables(room, url)[0]
}

export function variablesOf(house: { url: string; project: string; rooms: string[] }): Variable[] {
  return [
    { name: 'POTOROO_URL', value: house.url },
    { name: 'GOOGLE_CLOUD_PROJECT', value: house.project },
    { name: 'CLOUDSDK_CORE_PROJECT', value: house.project },
    ...house.rooms.flatMap((room) => serviceVariables(room, house.url)),
  ]
}

/** For the Wallaroo SDK. The user is the developer, or nobody where the house is closed. */
export function wallarooVariables(url: string, login: { user: string; password: string } | undefined): Variable[] {
  return [
    { name: 'WALLAROO_URL', value: url },
    { name: 'WALLAROO_AUTH_URL', value: url },
    { name: 'WALLAROO_SDK_AUTH_TYPE', value: 'user_password' },
    ...(login ? [{ name: 'WALLAROO_USER', value: login.user }, { name: 'WALLAROO_PASSWORD', value: login.password }] : []),
  ]
}

/** A proxy that ends TLS for the cloud's hosts, and the certificates to trust: in the words of each library. */
export function rerouteVariables(parts: { proxy: string; bundle: string; metadata: string }): Variable[] {
  const { proxy, bundle, metadata } = parts
  // gRPC reads the lower case only, and would otherwise send even the address of an emulator through the proxy.
  const own = '127.0.0.1,localhost,::1'
  const trust = ['REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', 'CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE', 'AWS_CA_BUNDLE', 'GIT_SSL_CAINFO']
  return [
    ...['HTTPS_PROXY', 'https_proxy'].map((name) => ({ name, value: proxy })),
    ...['NO_PROXY', 'no_proxy'].map((name) => ({ name, value: own })),
    { name: 'NODE_USE_ENV_PROXY', value: '1' },
    ...trust.map((name) => ({ name, value: bundle })),
    ...['GCE_METADATA_HOST', 'GCE_METADATA_IP', 'GCE_METADATA_ROOT'].map((name) => ({ name, value: metadata })),
  ]
}
