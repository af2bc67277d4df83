/** What the functions room's doors share. */
import type { Params, Resource } from '#ground/door.ts'

export const projectResource = ({ project }: Params): Resource => ({ type: 'project', name: project!, project: project! })
