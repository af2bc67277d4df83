/** Builds the nodes of one routine: lists of steps, jumps between them, and the scope each step stands in. The forms of a step are in step-forms.ts. */
import { STEP_NESTING_MAX } from '../limits.ts'
import { CallArgumentReader } from './calls.ts'
import type { Label, Node, Operation, Routine, RoutineParameter, StepType } from './program.ts'
import { RetryReader } from './retry-plan.ts'
import { Reads, Scope } from './scopes.ts'
import { asMap, Fields, oneEntry } from './shape.ts'
import type { ListTree, MapTree, Position } from './source.ts'
import { buildForm } from './step-forms.ts'
import { Templates, type Surroundings } from './templates.ts'

/** Where a list of steps stands. */
export interface Place {
  /** Names that `next` may give, the nearest list first. */
  names: readonly ReadonlyMap<string, Label>[]
  scope: Scope
  /** Blocks open at run time. */
  depth: number
  nesting: number
  end: Label
  loop?: { next: Label; done: Label }
  /** Set inside a parallel branch, where neither `return` nor `break` reaches out. */
  branch?: 'branch' | 'iteration'
}

export class RoutineBuilder {
  readonly around: Surroundings
  readonly templates: Templates
  readonly calls: CallArgumentReader
  readonly retries: RetryReader
  private readonly nodes: Node[] = []
  private readonly reads = new Reads()

  constructor(around: Surroundings) {
    this.around = around
    this.templates = new Templates(around, this.reads)
    this.calls = new CallArgumentReader(around, this.templates)
    this.retries = new RetryReader(around, this.templates)
  }

  build(name: string, params: readonly { name: string; default?: { tree: Parameters<Templates['template']>[0] } }[], steps: ListTree): Routine {
    const scope = new Scope('routine')
    const made = params.map((param): RoutineParameter => {
      const value = param.default && this.templates.template(param.default.tree, scope)
      scope.declare(param.name)
      return value ? { name: param.name, default: value } : { name: param.name }
    })
    const end: Label = { id: -1 }
    const start: Label = { id: -1 }
    // Node 0 is the entry, so that a frame can start without knowing which step is first.
    this.place(start, { name: '', at: steps.at, depth: 0, after: end }, { op: 'jump' })
    this.nodes[0]!.after = this.list(steps, end, { names: [], scope, depth: 0, nesting: 0, end })
    this.place(end, { name: this.nodes.at(-1)!.name, at: steps.at, depth: 0, after: end }, { op: 'routineEnd' })
    this.reads.judge(this.around.problems)
    return { name, params: made, nodes: this.nodes }
  }

  place(label: Label, node: Omit<Node, 'id' | 'operation' | 'type'> & { type?: StepType }, operation: Operation): void {
    label.id = this.nodes.length
    this.nodes.push({ ...node, id: label.id, operation })
  }

  /** The steps of a list, in order; control leaves it at `exit`. Answers where it begins. */
  list(tree: ListTree, exit: Label, place: Place): Label {
    const { problems } = this.around
    if (place.nesting > STEP_NESTING_MAX) {
      problems.add(tree.at, `steps nested deeper than ${STEP_NESTING_MAX} levels`)
      return exit
    }
    const steps = tree.items.flatMap((item) => {
      const entry = oneEntry(item, 'a step', problems)
      if (!entry) return []
      const body = asMap(entry.value, `the step '${entry.key}'`, problems, entry.keyAt)
      return body ? [{ name: entry.key, keyAt: entry.keyAt, body, label: { id: -1 } }] : []
    })
    if (tree.items.length === 0) problems.add(tree.at, 'a list of steps must not be empty')
    const names = new Map(steps.toReversed().map(({ name, label }) => [name, label]))
    const inner = { ...place, names: [names, ...place.names], nesting: place.nesting + 1 }
    for (const [i, step] of steps.entries()) this.step(step.label, step.name, step.body, steps[i + 1]?.label ?? exit, inner)
    return steps[0]?.label ?? exit
  }

  /** One step, or what stands inline in a switch entry or a try, whose other fields are `beside`. */
  step(label: Label, name: string, tree: MapTree, following: Label, place: Place, beside: readonly string[] = []): void {
    const fields = new Fields(tree, this.around.problems)
    const after = fields.has('next') ? this.target(fields, place) : following
    buildForm(this, { label, name, fields, after, place, beside })
  }

  private target(fields: Fields, place: Place): Label {
    const name = fields.text('next')
    const at = fields.get('next')!.at
    if (name === undefined) return place.end
    if (name === 'end') return place.end
    if (name === 'continue' || name === 'break') return this.loopTarget(name, at, place)
    const found = place.names.find((names) => names.has(name))?.get(name)
    if (!found) this.around.problems.add(at, `unknown step '${name}'`)
    return found ?? place.end
  }

  private loopTarget(word: 'continue' | 'break', at: Position, place: Place): Label {
    if (place.loop) return word === 'continue' ? place.loop.next : place.loop.done
    if (place.branch === 'iteration' && word === 'continue') return place.end
    this.around.problems.add(at, place.branch ? `'${word}' cannot leave a parallel step` : `'${word}' outside of a loop`)
    return place.end
  }
}
