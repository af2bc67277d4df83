/** Resolved statements as data: which writer answers which statement node. */
import type { Unit } from '../../analyzer/compile.ts'
import { queryOf } from '../../analyzer/compile.ts'
import type { Message } from '../../analyzer/proto.ts'
import type { Statement } from '../../types.ts'
import { unsupported, type Generator } from '../generator.ts'

type Writer = (unit: Unit, g: Generator, node: Message, text: string) => Statement

const STATEMENTS: Record<string, Writer> = {
  ResolvedQueryStmt(unit, g, node) {
    const query = queryOf(g, node)
    return { kind: 'query', ...unit.common('SELECT'), jsFunctions: unit.jsOf(g), ...query }
  },
}

export function statementOf(unit: Unit, g: Generator, node: Message, text: string): Statement {
  const writer = STATEMENTS[String(node['node'])]
  if (!writer) throw unsupported(String(node['node']).replace(/^Resolved|Stmt$/g, '').replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase())
  return writer(unit, g, node, text)
}
