import { EvaluationError } from '../../../src/model/errors.ts'
import type { Change } from '../../../src/model/event/change.ts'
import type { Random } from '../../support/random-tables.ts'
import { ADA, changeOf, USERS } from '../../support/match-tables.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import type { FuzzSubject } from '../subject.ts'

/** What a value may hold that means something in an address, a subject or a routing key. */
const PIECES = [
  '/', '\\', '?', '#', '&', '=', '%', '%2f', '%2e%2e', '%00', '..', '.', ':', '@', '//', ';', '+', ' ', '\t', '\r\n', '\0',
  '*', '>', '$', '[', ']', '{{id}}', 'http://evil.example', '@evil.example', '\u2028', '\u3002', '\uff0e', 'ä', '\ud800', '😀', 'a',
] // prettier-ignore
const TEMPLATES = ['{{name}}', '{{email}}', 'x{{name}}y', '{{name}}{{email}}', '{{urlencode name}}', '{{lower name}}']

/** A URL of a webhook whose parts come from templates: its structure is the rule's, whatever the values are. */
function attemptUrl(random: Random, change: Change): void {
  const segments = Array.from({ length: 1 + random.below(4) }, () => random.pick([...TEMPLATES, 'users', 'v1']))
  const keys = Array.from({ length: random.below(3) }, (_, i) => `q${i}`)
  const query = keys.map((key) => `${key}=${random.pick(TEMPLATES)}`).join('&')
  const source = `https://crm.example.com:8443/${segments.join('/')}${query === '' ? '' : `?${query}`}`
  const { url } = payloadOf(`{type: webhook, url: ${JSON.stringify(source)}}`, change) as { url: { href: string } }
  const { origin, pathname, searchParams, hash, username } = new URL(url.href)
  const parts = pathname.split('/').slice(1)
  const fits =
    origin === 'https://crm.example.com:8443' &&
    parts.length === segments.length &&
    segments.every((segment, i) => segment.includes('{{') || parts[i] === segment) &&
    [...searchParams.keys()].join() === keys.join() &&
    hash === '' &&
    username === ''
  if (!fits) throw new Error(`${source} became ${url.href}`)
}

/** Parts between dots: a value is one of them at most. (A template alone is the whole of it: the data gives it then.) */
function attemptDotted(random: Random, change: Change): void {
  const parts = Array.from({ length: 2 + random.below(4) }, () =>
    random.pick([...TEMPLATES.slice(0, 4), 'users', 'v1']),
  )
  const text = JSON.stringify(parts.join('.'))
  const [field, action] = random.pick([
    ['subject', `{type: nats, url: "nats://h:4222", subject: ${text}}`],
    ['routingKey', `{type: rabbitmq, url: "amqp://h", exchange: e, routingKey: ${text}}`],
  ] as const)
  const rendered = (payloadOf(action, change) as { [name: string]: string })[field]!
  if (rendered.split('.').length !== parts.length) throw new Error(`${action} became ${JSON.stringify(rendered)}`)
  if (field === 'subject' && /[\s*>\0]/.test(rendered)) throw new Error(`${JSON.stringify(rendered)} is no subject`)
}

function attemptTopic(random: Random, change: Change): void {
  const action = `{type: kafka, brokers: ["h:9092"], topic: ${JSON.stringify(`t.${random.pick(TEMPLATES)}`)}}`
  const { topic } = payloadOf(action, change) as { topic: string }
  if (!/^[\w.-]{1,249}$/.test(topic)) throw new Error(`${JSON.stringify(topic)} is no topic`)
}

/** Headers hold one line, with one name. */
function attemptHeader(random: Random, change: Change): void {
  const action = `{type: webhook, url: "https://h/", headers: {x-name: ${JSON.stringify(random.pick(TEMPLATES))}}}`
  const { headers } = payloadOf(action, change) as { headers: readonly string[] }
  if (headers.length !== 2 || /[\r\n\0]/.test(headers[1]!)) throw new Error(`${JSON.stringify(headers)}`)
}

function payloadOf(action: string, change: Change): unknown {
  const [rule] = rulesFrom(`rules: [{id: r, table: users, actions: [${action}]}]`)
  return rule!.actions[0]!.bind(USERS)(change)
}

export const places: FuzzSubject = {
  name: 'places',
  attempt(random) {
    const value = (): string => Array.from({ length: random.below(5) }, () => random.pick(PIECES)).join('')
    const change = changeOf(null, { ...ADA, name: value(), email: value() })
    try {
      random.pick([attemptUrl, attemptDotted, attemptTopic, attemptHeader])(random, change)
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
    }
  },
}
