import { Composer, Lexer, Parser, YAMLParseError } from 'yaml'
import type { CST, Document, LineCounter } from 'yaml'

/** Maps and lists inside each other; an alias that stands inside of what it names ends here too. */
export const MAX_DEPTH = 100
/** What the parser keeps open besides them: the document, and a value at the innermost place. */
const OTHERS_OPEN = 2

/** More than MAX_DEPTH maps and lists are open at `offset`. */
export class NestingError extends Error {
  override readonly name = 'NestingError'
  readonly offset: number

  constructor(offset: number) {
    super(`maps or lists are nested deeper than ${MAX_DEPTH} levels`)
    this.offset = offset
  }
}

/**
 * The one document of a text, as the library's own `parseDocument` gives it, but for the depth: the library composes by
 * recursion, and 80 kB of braces take it hundreds of megabytes before the stack ends. Throws NestingError.
 */
export function composeDocument(text: string, lineCounter: LineCounter): Document.Parsed {
  const composer = new Composer({
    lineCounter,
    intAsBigInt: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  })
  const [document, second] = composer.compose(shallowTokens(text, lineCounter), true, text.length)
  if (second !== undefined) {
    const [start, end] = second.range
    document!.errors.push(new YAMLParseError([start, end], 'MULTIPLE_DOCS', 'several documents'))
  }
  // The composer always ends with a document when it is asked to.
  return document as Document.Parsed
}

function* shallowTokens(text: string, lineCounter: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lineCounter.addNewLine)
  lineCounter.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > MAX_DEPTH + OTHERS_OPEN) throw new NestingError(parser.offset - lexeme.length)
  }
  yield* parser.end()
}
