import type { CelNode } from '../cel-engine.ts'

/**
 * The text of one operand of an expression. Node ranges leave out the parentheses around a node, so those that are open
 * inside of it are added on either side. Undefined where that cannot be told by counting: raw and triple-quoted strings,
 * comments.
 */
export function operandText(text: string, node: CelNode): string | undefined {
  if (/'''|"""|\/\/|[rRbB]["']/.test(text)) return undefined
  const { opens, closes } = unbalanced(text.slice(node.start, node.end))
  let { start, end } = node
  for (let i = 0; i < closes; i++) {
    do start -= 1
    while (start >= 0 && text[start] !== '(')
  }
  for (let i = 0; i < opens; i++) {
    while (end < text.length && text[end] !== ')') end += 1
    end += 1
  }
  return start < 0 || end > text.length ? undefined : text.slice(start, end)
}

/** Parentheses that are opened and not closed, closed and not opened. */
function unbalanced(text: string): { opens: number; closes: number } {
  let opens = 0
  let closes = 0
  for (const [token] of text.matchAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()]/g)) {
    if (token === '(') opens += 1
    else if (token === ')') {
      if (opens > 0) opens -= 1
      else closes += 1
    }
  }
  return { opens, closes }
}
