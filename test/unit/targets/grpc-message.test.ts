import { describe, expect, test } from 'vitest'
import { checkOutline } from '../../../src/targets/grpc/check-outline.ts'
import { findMethod, loadProto } from '../../../src/targets/grpc/descriptors.ts'
import { fitMessage } from '../../../src/targets/grpc/fit.ts'
import { treeOf } from '../../support/tree-of.ts'
import { MAIL_PROTO } from '../../support/grpc-server.ts'

const definition = loadProto(MAIL_PROTO)
const { request, definition: method } = findMethod(definition, 'mail.v1.Mailer', 'Send')

/** What arrives at the server. */
const sent = (message: object) => method.requestDeserialize(method.requestSerialize(fitMessage(message, request)))

describe('a message', () => {
  test('arrives as it was rendered, whatever its fields are', () => {
    const message = {
      id: '9223372036854775807',
      to_address: 'a@b',
      from: { mail: 'x', displayName: 'Zoë' },
      cc: [{ mail: 'y' }, { mail: 'z' }],
      by_role: { boss: { mail: 'b' } },
      kind: 'FAST',
      small: -5,
      price: 1.5,
      urgent: true,
      reply_to: { id: '7', reply_to: { id: '8' } },
    }
    expect(sent(message)).toMatchObject(message)
  })

  test('takes values as events have them: DECIMAL text, TINYINT for bool, base64, TIMESTAMP, numbers for texts, NULL', () => {
    const message = sent({
      price: '12.50',
      urgent: 1,
      to_address: 42,
      from: null,
      attachments: [{ name: 'a', content: 'aGVsbG8=' }],
      sent_at: '2026-11-20T10:00:00.123456Z',
    })
    expect(message).toMatchObject({ price: 12.5, urgent: true, to_address: '42' })
    expect(message).toMatchObject({ sent_at: { nanos: 123_456_000 } })
    expect(String((message as { sent_at: { seconds: unknown } }).sent_at.seconds)).toBe('1795168800')
    expect(Buffer.from((message as { attachments: { content: Buffer }[] }).attachments[0]!.content).toString()).toBe(
      'hello',
    )
    expect(message).not.toHaveProperty('from')
  })

  test.each([
    [{ to_adress: 'x' }, 'to_adress: mail.v1.Mail does not have this field; did you mean to_address?'],
    [{ from: { mial: 'x' } }, 'from.mial: mail.v1.Address does not have this field; did you mean mail?'],
    [{ id: 'abc' }, 'id: needs a whole number'],
    [{ id: 1.5 }, 'id: needs a whole number'],
    [{ id: '9223372036854775808' }, 'id: needs a whole number from'],
    [{ small: 2 ** 31 }, 'small: needs a whole number from -2147483648 to 2147483647'],
    [{ large: -1 }, 'large: needs a whole number from 0'],
    [{ kind: 'SLOW' }, 'kind: needs one of NORMAL, FAST'],
    [{ urgent: 'maybe' }, 'urgent: needs true or false'],
    [{ price: 'cheap' }, 'price: needs a number'],
    [{ to_address: { a: 1 } }, 'to_address: needs a string'],
    [{ from: 'x' }, 'from: needs a map with the fields of mail.v1.Address'],
    [{ cc: { mail: 'x' } }, 'cc: needs a list'],
    [{ cc: [{ mail: 'x' }, 'y'] }, 'cc.1: needs a map'],
    [{ by_role: [] }, 'by_role: needs a map'],
    [{ attachments: [{ content: 'not base64!' }] }, 'attachments.0.content: needs bytes as base64'],
    [{ sent_at: 'yesterday' }, 'sent_at: needs a time'],
    [{ reply_to: { reply_to: { id: 'x' } } }, 'reply_to.reply_to.id: needs a whole number'],
    [{ __proto__x: 1 }, '__proto__x: mail.v1.Mail does not have this field'],
  ])('that does not fit is refused, where the encoder would make something else of it: %j', (message, problem) => {
    expect(() => fitMessage(message, request)).toThrow(problem)
  })
})

describe('a message as written in a rule', () => {
  const problems = (message: unknown): string[] => {
    const outline = treeOf(message, (path) => ({ file: path.join('.'), line: 1, column: 1 }))
    return checkOutline(outline, request).map(({ location, message: text }) => `${location.file} | ${text}`)
  }

  test('may hold templates and secrets anywhere', () => {
    expect(
      problems({ id: '{{id}}', cc: '{{json list}}', kind: '{{kind}}', to_address: '${env:TO}', from: null }),
    ).toEqual([])
  })

  test('is checked in all its parts at once', () => {
    expect(
      problems({ idd: 1, kind: 'SLOW', from: { mial: '{{x}}' }, cc: [{ no: 1 }], urgent: [], small: '{{s}}' }),
    ).toEqual([
      'idd | idd: mail.v1.Mail does not have this field; did you mean id?',
      'kind | kind: needs one of NORMAL, FAST',
      'from.mial | mial: mail.v1.Address does not have this field; did you mean mail?',
      'cc.0.no | no: mail.v1.Address does not have this field; it has mail, displayName',
      'urgent | urgent needs a single value, not a list',
    ])
    expect(problems('{{x}}')).toEqual([' | needs a map with the fields of mail.v1.Mail'])
  })
})

describe('a method', () => {
  test.each([
    ['mail.v1.Mailr', 'Send', 'mail.proto has no service mail.v1.Mailr', 'did you mean mail.v1.Mailer?'],
    ['mail.v1.Mail', 'Send', 'mail.proto has no service mail.v1.Mail', 'did you mean mail.v1.Mailer?'],
    ['mail.v1.Mailer', 'Sent', 'has no method Sent', 'did you mean Send?'],
    ['mail.v1.Mailer', 'toString', 'has no method toString', 'Write one of: Send, Watch'],
    ['mail.v1.Mailer', 'Watch', 'BinGo calls unary methods only', undefined],
  ])('%s/%s is refused', (service, name, message, hint) => {
    expect(() => findMethod(definition, service, name)).toThrow(
      expect.objectContaining({ code: 'BINGO_GRPC_METHOD', message: expect.stringContaining(message), hint }),
    )
  })
})
