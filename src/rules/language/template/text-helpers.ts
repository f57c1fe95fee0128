import { createHash, createHmac } from 'node:crypto'
import type { Value } from '../../../model/event/row.ts'
import { HelperFailure, isPresent, strictHelper, textOf, wholeNumber } from './helper.ts'
import type { TemplateHelper } from './helper.ts'

const LONGEST = 1_000_000
const HASHES = ['sha256', 'sha384', 'sha512', 'sha1']
const ENCODINGS = ['hex', 'base64', 'base64url'] as const

/** Namespaces of RFC 9562, section 6.6. */
const NAMESPACES: { readonly [name: string]: string } = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
  x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Helpers that cut texts, and that make identities and signatures of them. Characters are Unicode characters. */
export const TEXT_HELPERS: { readonly [name: string]: TemplateHelper } = {
  substring: strictHelper(
    [2, 3],
    'the characters from a place on, counted from 0, up to and without another one: {{substring iban 0 4}}',
    (text, from, to) => {
      const characters = charactersOf(text)
      const end = to === undefined ? characters.length : placeOf(to)
      return characters.slice(placeOf(from), end).join('')
    },
    { check: ([, from, to]) => void [from, to].filter(isPresent).map(placeOf) },
  ),
  replace: strictHelper([3, 3], 'every occurrence replaced: {{replace phone " " ""}}', (text, from, to) => {
    if (from === '') throw new HelperFailure('the text to replace is empty')
    return textOf(text).replaceAll(textOf(from), () => textOf(to))
  }),
  split: strictHelper([2, 2], 'a list of the parts between a separator: {{#each (split path "/")}}', (text, by) =>
    textOf(text).split(textOf(by)),
  ),
  truncate: strictHelper(
    [2, 3],
    'as many characters at most; a third value ends what was cut: {{truncate title 80 "…"}}',
    (text, length, end = '') => truncated(charactersOf(text), placeOf(length), charactersOf(end)),
    {
      check: ([, length, end]) => {
        if (isPresent(length)) truncated([], placeOf(length), charactersOf(end))
      },
    },
  ),
  uuid5: strictHelper(
    [2, 2],
    'a UUID that is the same for the same text: {{uuid5 "url" (concat "https://example.com/users/" id)}}',
    (namespace, name) => uuid5(namespaceOf(namespace), textOf(name)),
    { check: ([namespace]) => void (isPresent(namespace) && namespaceOf(namespace)) },
  ),
  hmac: strictHelper(
    [2, 4],
    'HMAC of the UTF-8 text with a secret: {{hmac email "${env:KEY}"}}; then the hash (sha256) and "hex", "base64", "base64url"',
    (text, secret, hash = 'sha256', encoding = 'hex') =>
      createHmac(hashOf(hash), textOf(secret)).update(textOf(text)).digest(encodingOf(encoding)),
    {
      secret: 1,
      check: ([, , hash, encoding]) => {
        if (isPresent(hash)) hashOf(hash)
        if (isPresent(encoding)) encodingOf(encoding)
      },
    },
  ),
}

function placeOf(value: Value): number {
  return wholeNumber(value, 'the number of characters', 0, LONGEST)
}

function truncated(characters: readonly string[], most: number, end: readonly string[]): string {
  if (end.length > most) throw new HelperFailure(`what ends the text is longer than ${most} characters itself`)
  if (characters.length <= most) return characters.join('')
  return [...characters.slice(0, most - end.length), ...end].join('')
}

/** Version 5 of RFC 9562. */
function uuid5(namespace: Buffer, name: string): string {
  const digest = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16)
  digest[6] = (digest[6]! & 0x0f) | 0x50
  digest[8] = (digest[8]! & 0x3f) | 0x80
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function namespaceOf(value: Value): Buffer {
  const text = textOf(value)
  const uuid = Object.hasOwn(NAMESPACES, text) ? NAMESPACES[text]! : text
  if (UUID.test(uuid)) return Buffer.from(uuid.replaceAll('-', ''), 'hex')
  throw new HelperFailure(`the namespace is a UUID, or one of ${Object.keys(NAMESPACES).join(', ')}`)
}

function hashOf(value: Value): string {
  const hash = HASHES.find((each) => each === value)
  if (hash === undefined) throw new HelperFailure(`the hash is one of ${HASHES.join(', ')}`)
  return hash
}

function encodingOf(value: Value): (typeof ENCODINGS)[number] {
  const encoding = ENCODINGS.find((each) => each === value)
  if (encoding === undefined) throw new HelperFailure(`the encoding is one of ${ENCODINGS.join(', ')}`)
  return encoding
}

/** Unicode characters, as MySQL and CEL count them. */
function charactersOf(value: Value): readonly string[] {
  return Array.from(textOf(value))
}
