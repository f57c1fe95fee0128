/** Written and never read: without it the compiler would leave the look at the text out. */
export const lastLook = { code: 0 }

/**
 * The same text in one piece. The engine keeps what `+` makes as a tree of its parts, 32 bytes for each, until somebody
 * looks into it; an event of ten columns that waits to be sent has 180 of them. Joined while they are young they cost the
 * garbage collector nothing.
 */
export function flatText(text: string): string {
  lastLook.code = text.charCodeAt(0)
  return text
}
