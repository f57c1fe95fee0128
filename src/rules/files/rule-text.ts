import { MissingSecret, refuseUnknownReferences, resolveSecrets } from '../../model/secrets.ts'
import type { Environment } from '../../model/secrets.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { textProblem } from '../language/source-text.ts'
import type { SourceText } from '../language/source-text.ts'
import { RULE_CODES } from '../codes.ts'
import { textOfScalar } from '../yaml/tree.ts'
import type { ScalarNode } from '../yaml/tree.ts'

/** In place of a secret that is not there; the field is not judged then. */
const STAND_IN = 'secret'

/** Where secrets come from. */
export interface SecretSource {
  readonly env: Environment
  /** What a relative `${file:…}` is relative to. */
  readonly baseDir: string
  /** Told of each secret that is not there, which is then no error. */
  readonly onAbsent?: ((secret: AbsentSecret) => void) | undefined
}

export interface AbsentSecret {
  readonly location: SourceLocation
  readonly ruleId: string
  readonly message: string
}

/** The text of a scalar, as filters and templates read it. Numbers and booleans count as they are written. */
export function sourceText(node: ScalarNode, ruleId: string, scope?: SourceText['scope']): SourceText {
  return { text: textOfScalar(node), location: node.location, scope, ruleId, locate: (offset) => node.locate(offset) }
}

/**
 * Puts secrets into a piece of a text that starts at `offset`. Throws ProblemsError where one is missing; neither the
 * message nor the excerpt holds a value.
 */
export function resolveText(text: string, offset: number, source: SourceText, secrets: SecretSource): string {
  if (!text.includes('${')) return text
  try {
    refuseUnknownReferences(text)
    const { env, baseDir, onAbsent } = secrets
    const standIn =
      onAbsent &&
      ((missing: MissingSecret): string => {
        onAbsent({ location: source.locate(offset + missing.offset), ruleId: source.ruleId, message: missing.message })
        return STAND_IN
      })
    return resolveSecrets(text, { env, baseDir, url: text.includes('://'), standIn })
  } catch (error) {
    if (!(error instanceof MissingSecret)) throw error
    throw textProblem(source, RULE_CODES.secret, error.message, offset + error.offset, error.hint)
  }
}
