/** The script's parse tree as the interpreter wants it. (Made in the analyzer child, walked in main.) */
import type { Message } from '../analyzer/proto.ts'
export type ScriptTree = unknown
export function scriptOf(script: Message, _text: string): ScriptTree {
  return script
}
