import { corrupt } from '../format/corrupt-event.ts'

/** Legs of a path without wildcards: an object key, or an index from 0. */
export type JsonPath = readonly (string | number)[]

/** A leg: `[3]`, `."quoted key"`, or `.identifier`. Sticky: each match begins where the last one ended. */
const LEG = /\[(\d+)\]|\.("(?:[^"\\]|\\.)*")|\.([^.[\]" ]+)/suy

/** Reads a path as the server writes it into JSON diffs: `$[2]."a key".plain`. */
export function parseJsonPath(text: string): JsonPath {
  if (!text.startsWith('$')) throw unreadable(text)
  const legs: (string | number)[] = []
  LEG.lastIndex = 1
  while (LEG.lastIndex < text.length) {
    const match = LEG.exec(text)
    if (match === null) throw unreadable(text)
    legs.push(legOf(match, text))
  }
  return legs
}

function legOf([, index, quoted, plain]: RegExpExecArray, text: string): string | number {
  if (index !== undefined) return Number(index)
  if (plain !== undefined) return plain
  try {
    return JSON.parse(quoted!) as string
  } catch {
    throw unreadable(text)
  }
}

function unreadable(path: string): Error {
  return corrupt(`JSON path ${JSON.stringify(path)}`)
}
