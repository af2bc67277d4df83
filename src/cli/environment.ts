/** The variables by which the public clients find a service. One table: the banner and `potoroo env` are made from it. */

export interface Variable {
  name: string
  value: string
}

/** By the name of the room that answers them. */
const BY_ROOM: Readonly<Record<string, (url: string) => Variable[]>> = {
  storage: (url) => [
    { name: 'STORAGE_EMULATOR_HOST', value: url },
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE', value: `${url}/storage/v1/` },
  ],
  warehouse: (url) => [
    { name: 'BIGQUERY_EMULATOR_HOST', value: url },
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY', value: `${url}/bigquery/v2/` },
  ],
  bus: (url) => [
    { name: 'PUBSUB_EMULATOR_HOST', value: new URL(url).host },
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB', value: `${url}/` },
  ],
  workflows: (url) => [
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWS', value: `${url}/` },
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWEXECUTIONS', value: `${url}/` },
  ],
  functions: (url) => [
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS', value: `${url}/` },
    { name: 'CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN', value: `${url}/` },
  ],
}

export function variablesOf(house: { url: string; project: string; rooms: string[] }): Variable[] {
  return [
    { name: 'POTOROO_URL', value: house.url },
    { name: 'GOOGLE_CLOUD_PROJECT', value: house.project },
    ...house.rooms.flatMap((room) => BY_ROOM[room]?.(house.url) ?? []),
  ]
}

/** What a client of this room is given first. */
export function mainVariable(room: string, url: string): Variable | undefined {
  return BY_ROOM[room]?.(url)[0]
}
