/** Projects. In open mode every name is a project as soon as somebody uses it; in closed mode somebody has to make it. */
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import { projectNumber } from '#ground/project-number.ts'
import { invalid, notFound, taken, tooMany } from './faults.ts'
import { PROJECTS_MAX } from './limits.ts'
import type { IdentityTables, ProjectRow } from './migrations.ts'

/** Google's own rule for ids, with `domain:` ones and plain numbers, which clients send as well. */
const PROJECT = /^(?:[a-z][a-z0-9.-]{0,60}:)?[a-z0-9][a-z0-9._-]{0,62}$/i

export class Projects {
  private readonly ground: { ledger: Ledger; clock: Clock; facts: Facts }
  private readonly db
  private readonly appearByThemselves: boolean
  private readonly known = new Set<string>()
  private readonly byNumber = new Map<string, string>()

  constructor(ground: Projects['ground'], options: { appearByThemselves: boolean }) {
    this.ground = ground
    this.appearByThemselves = options.appearByThemselves
    this.db = ground.ledger.builder<IdentityTables>()
  }

  async start(defaultProject: string): Promise<void> {
    for (const { id } of await this.list('', PROJECTS_MAX)) this.note(id)
    if (!this.known.has(defaultProject)) await this.insert(defaultProject, defaultProject, {})
  }

  /** The id of a project that may have been named by its number. */
  idOf(name: string): string {
    return this.byNumber.get(name) ?? name
  }

  isProject(name: string): boolean {
    return this.known.has(this.idOf(name))
  }

  /** Called for every project that a request names. */
  async seen(name: string): Promise<void> {
    if (!this.appearByThemselves || this.known.has(name) || this.byNumber.has(name) || !PROJECT.test(name)) return
    // Full: it works all the same, and is only not listed.
    if (this.known.size < PROJECTS_MAX) await this.insert(name, name, {})
  }

  async get(name: string): Promise<ProjectRow> {
    const id = this.idOf(name)
    await this.seen(id)
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_projects').selectAll().where('id', '=', id))
    if (!row) throw notFound(`Project ${name.slice(0, 100)}`)
    return row
  }

  list(after: string, limit: number): Promise<ProjectRow[]> {
    return this.ground.ledger.read(this.db.selectFrom('identity_projects').selectAll().where('id', '>', after).orderBy('id').limit(limit))
  }

  async create(id: string, name: string, labels: Record<string, string>): Promise<ProjectRow> {
    if (!PROJECT.test(id)) throw invalid(`${JSON.stringify(id.slice(0, 100))} is not a project id.`)
    if (this.known.has(id)) throw taken(`Project ${id}`)
    if (this.known.size >= PROJECTS_MAX) throw tooMany('projects', PROJECTS_MAX)
    await this.insert(id, name, labels)
    return this.get(id)
  }

  private async insert(id: string, name: string, labels: Record<string, string>): Promise<void> {
    this.note(id)
    await this.ground.ledger.write(
      this.db
        .insertInto('identity_projects')
        .values({ id, name, labels: JSON.stringify(labels), created_ms: this.ground.clock.now_ms() })
        .onConflict((conflict) => conflict.column('id').doNothing()),
      this.ground.facts.append({ type: 'identity.project.created', subject: `projects/${id}`, data: { id } }),
    )
  }

  private note(id: string): void {
    this.known.add(id)
    this.byNumber.set(projectNumber(id), id)
  }
}
