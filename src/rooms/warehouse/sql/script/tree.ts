/** The script's parse tree as the interpreter wants it: statements as slices of the text. Made in the analyzer child, walked in main. */
import { Fault } from '#ground/fault.ts'
import type { Message } from '../analyzer/proto.ts'

/** A slice of the script, in characters. */
export interface Slice {
  start: number
  end: number
}

export type Step = Slice & (
  | { kind: 'sql' }
  | { kind: 'declare'; names: string[]; type?: Slice; value?: Slice }
  | { kind: 'set'; names: string[]; value: Slice; many: boolean }
  | { kind: 'setSystem'; name: string; value: Slice }
  | { kind: 'if'; branches: { condition: Slice; body: Step[] }[]; otherwise: Step[] }
  | { kind: 'case'; value?: Slice; branches: { condition: Slice; body: Step[] }[]; otherwise?: Step[] }
  | { kind: 'loop'; label?: string; condition?: Slice; body: Step[] }
  | { kind: 'repeat'; label?: string; until: Slice; body: Step[] }
  | { kind: 'for'; label?: string; variable: string; query: Slice; body: Step[] }
  | { kind: 'leave' | 'iterate'; label?: string }
  | { kind: 'block'; label?: string; body: Step[]; handler?: Step[] }
  | { kind: 'raise'; message?: Slice }
  | { kind: 'return' }
  | { kind: 'call'; path: string[]; args: Slice[] }
  | { kind: 'execute'; sql: Slice; into: string[]; using: { value: Slice; name?: string }[] }
  | { kind: 'assert'; condition: Slice; description?: string }
)

export type ScriptTree = Step[]

const DEPTH_MAX = 200

const list = (value: unknown): Message[] => (value ?? []) as Message[]

export function scriptOf(script: Message, text: string): ScriptTree {
  // The parser counts bytes of UTF-8.
  const bytes = Buffer.from(text)
  const plain = bytes.length === text.length
  const at = (offset: number) => (plain ? offset : bytes.toString('utf8', 0, offset).length)
  const slice = (node: Message): Slice => ({ start: at(Number(node['parse_location_range']?.start ?? 0)), end: at(Number(node['parse_location_range']?.end ?? 0)) })
  /** An expression's range leaves out its own parentheses at times: `(a) + (b)` still reads right between them. */
  const names = (node: Message | undefined): string[] => list(node?.['identifier_list']).map((each) => String(each['id_string']))
  const label = (node: Message) => (node['label'] ? { label: String(node['label'].name.id_string) } : {})

  const steps = (node: Message | undefined, depth: number): Step[] => {
    if (depth > DEPTH_MAX) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'Script statement is nested too deeply')
    return list(node?.['statement_list']).map((each) => step(each, depth + 1))
  }

  const step = (node: Message, depth: number): Step => {
    const own = slice(node)
    switch (String(node['node'])) {
      case 'ASTVariableDeclaration':
        return { ...own, kind: 'declare', names: names(node['variable_list']), ...(node['type'] ? { type: slice(node['type']) } : {}), ...(node['default_value'] ? { value: slice(node['default_value']) } : {}) }
      case 'ASTSingleAssignment':
        return { ...own, kind: 'set', names: [String(node['variable'].id_string)], value: slice(node['expression']), many: false }
      case 'ASTAssignmentFromStruct':
        return { ...own, kind: 'set', names: names(node['variables']), value: slice(node['struct_expression']), many: true }
      case 'ASTSystemVariableAssignment':
        return { ...own, kind: 'setSystem', name: list(node['system_variable'].path.names).map((each) => String(each['id_string'])).join('.').toLowerCase(), value: slice(node['expression']) }
      case 'ASTParameterAssignment':
        throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'Cannot assign to a query parameter')
      case 'ASTIfStatement':
        return {
          ...own, kind: 'if', otherwise: steps(node['else_list'], depth),
          branches: [{ condition: slice(node['condition']), body: steps(node['then_list'], depth) }, ...list(node['elseif_clauses']?.elseif_clauses).map((each) => ({ condition: slice(each['condition']), body: steps(each['body'], depth) }))],
        }
      case 'ASTCaseStatement':
        return {
          ...own, kind: 'case', ...(node['expression'] ? { value: slice(node['expression']) } : {}), ...(node['else_list'] ? { otherwise: steps(node['else_list'], depth) } : {}),
          branches: list(node['when_then_clauses']?.when_then_clauses).map((each) => ({ condition: slice(each['condition']), body: steps(each['body'], depth) })),
        }
      case 'ASTWhileStatement':
        return { ...own, kind: 'loop', ...label(node), ...(node['condition'] ? { condition: slice(node['condition']) } : {}), body: steps(node['body'], depth) }
      case 'ASTRepeatStatement':
        return { ...own, kind: 'repeat', ...label(node), until: slice(node['until_clause'].condition), body: steps(node['body'], depth) }
      case 'ASTForInStatement':
        return { ...own, kind: 'for', ...label(node), variable: String(node['variable'].id_string), query: slice(node['query']), body: steps(node['body'], depth) }
      case 'ASTBreakStatement':
        return { ...own, kind: 'leave', ...label(node) }
      case 'ASTContinueStatement':
        return { ...own, kind: 'iterate', ...label(node) }
      case 'ASTBeginEndBlock': {
        const handler = list(node['handler_list']?.exception_handler_list)[0]
        return { ...own, kind: 'block', ...label(node), body: steps(node['statement_list_node'], depth), ...(handler ? { handler: steps(handler['statement_list'], depth) } : {}) }
      }
      case 'ASTRaiseStatement':
        return { ...own, kind: 'raise', ...(node['message'] ? { message: slice(node['message']) } : {}) }
      case 'ASTReturnStatement':
        return { ...own, kind: 'return' }
      case 'ASTCallStatement':
        return { ...own, kind: 'call', path: list(node['procedure_name'].names).map((each) => String(each['id_string'])), args: list(node['arguments']).map((each) => slice(each)) }
      case 'ASTExecuteImmediateStatement':
        return {
          ...own, kind: 'execute', sql: slice(node['sql']), into: names(node['into_clause']?.identifiers),
          using: list(node['using_clause']?.arguments).map((each) => ({ value: slice(each['expression']), ...(each['alias'] ? { name: String(each['alias'].identifier.id_string) } : {}) })),
        }
      case 'ASTAssertStatement':
        return { ...own, kind: 'assert', condition: slice(node['expr']), ...(node['description'] ? { description: String(node['description'].string_value) } : {}) }
      default:
        return { ...own, kind: 'sql' }
    }
  }
  return steps(script['statement_list_node'], 0)
}
