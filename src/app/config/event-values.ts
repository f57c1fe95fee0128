import { SCOPES, type HttpToken, type Scope } from '../../events/settings.ts'
import { checkStoreUrl } from '../../event-store/create.ts'
import { parseStoreAddress, type StoreAddress } from '../../log/store-address.ts'
import { StoreAddressError } from '../../log/store-address-error.ts'
import { BingoError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { InvalidValue, parser, text, textList, textParser } from './values.ts'

/** Part of keys, and compared as it is written. */
const ENVIRONMENT = /^[A-Za-z0-9_-]{1,64}$/
const ENVIRONMENT_HINT = 'Write at most 64 letters, digits, "_" and "-".'

/** The URL of an event store, which may hold a password. */
export const eventStoreAddress = textParser((value): string => addressOf(value).address)

/** Of what stands beside a store that cannot look up, delay or deduplicate. */
export const eventIndexAddress = textParser((value): string => {
  const { address, parsed } = addressOf(value)
  if (parsed.tag !== 'file' && parsed.tag !== 'server') {
    throw new InvalidValue(
      'not an index of events',
      'Write file:/var/lib/bingo/events, mysql://…, mariadb://… or postgres://….',
    )
  }
  return address
})

function addressOf(value: unknown): { readonly address: string; readonly parsed: StoreAddress } {
  const address = text(value).trim()
  try {
    return { address, parsed: parseStoreAddress(address) }
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    const why = error instanceof StoreAddressError ? `not a valid event store address: ${error.why}` : error.message
    throw new InvalidValue(why, error.hint ?? '')
  }
}

/** The URL of the event store that keeps streams. */
export const streamStoreAddress = textParser((value): string => {
  const address = text(value).trim()
  try {
    checkStoreUrl(address)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    throw new InvalidValue(error.message, error.hint ?? '')
  }
  return address
})

export const environmentList = textParser((value): readonly string[] => {
  const list = textList(value)
  for (const name of list) {
    if (!ENVIRONMENT.test(name)) throw new InvalidValue(`"${name}" is not a valid environment`, ENVIRONMENT_HINT)
  }
  return list
}, textList.schema)

const TOKEN_SCHEMA = {
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['token'],
    properties: {
      token: { type: 'string' },
      name: { type: 'string' },
      scopes: { type: 'array', items: { enum: SCOPES } },
      environment: { type: 'string' },
    },
  },
}
const TOKEN_KEYS = new Set(Object.keys(TOKEN_SCHEMA.items.properties))
const TOKEN_HINT = 'Write - {token: "${env:SHOP_TOKEN}", scopes: [publish]}.'
/** Shorter ones can be guessed. */
const SHORTEST_TOKEN = 16

/** As written: the environment is checked together with `events.environments`. */
export interface WrittenToken extends Omit<HttpToken, 'environment'> {
  readonly environment: string | undefined
}

/** Messages never quote a token, not even a wrong one. */
export const tokenList = parser(
  TOKEN_SCHEMA,
  (value): readonly WrittenToken[] => {
    if (!Array.isArray(value)) throw new InvalidValue('it is not a list', TOKEN_HINT)
    return value.map((item, i) => tokenOf(item, `entry ${i + 1}`))
  },
  true,
)

function tokenOf(item: unknown, called: string): WrittenToken {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new InvalidValue(`${called} is not a map`, TOKEN_HINT)
  }
  const unknown = Object.keys(item).find((key) => !TOKEN_KEYS.has(key))
  if (unknown !== undefined) {
    throw new InvalidValue(`${called}: "${unknown}" is not known`, `Known are: ${[...TOKEN_KEYS].join(', ')}.`)
  }
  const { token, name, scopes, environment } = item as { readonly [key: string]: unknown }
  if (typeof token !== 'string' || token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token)) {
    const message = `${called}: the token is not a text of at least ${SHORTEST_TOKEN} printable ASCII characters`
    throw new InvalidValue(message, 'Make one with: openssl rand -hex 32')
  }
  return {
    token,
    name: name === undefined ? called : text(name),
    scopes: scopesOf(scopes, called),
    environment: environment === undefined ? undefined : text(environment),
  }
}

function scopesOf(value: unknown, called: string): readonly Scope[] {
  if (value === undefined) return ['publish', 'read']
  return textList(value).map((written) => {
    const scope = SCOPES.find((each) => each === written)
    if (scope !== undefined) return scope
    const meant = nearestName(written, SCOPES)
    const hint = meant === undefined ? '' : `Did you mean "${meant}"? `
    throw new InvalidValue(`${called}: "${written}" is not a scope`, `${hint}Write some of: ${SCOPES.join(', ')}.`)
  })
}
