import { expect, test } from 'vitest'
import { actionTypes } from '../../../src/targets/registry.ts'
import { ProblemsError } from '../../../src/model/errors.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { MAIL_PROTO } from '../../support/grpc-server.ts'

/** `line:column CODE` of everything wrong with an action. */
function problemsOf(action: string): string[] {
  const text = `rules:\n  - id: r\n    table: users\n    actions:\n${action.replaceAll(/^/gm, '      ')}`
  try {
    loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text }], {
      baseDir: process.cwd(),
      targets: new Map(),
      defaults: { redisUrl: undefined, allowCidrs: [] },
      actionTypes: actionTypes(),
      env: {},
    })
    return []
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return error.problems.map(({ location, code }) => `${location?.line}:${location?.column} ${code}`)
  }
}

const grpc = (method: string, message: string): string =>
  `- type: grpc
  address: mail:50051
  method: ${method}
  proto: ${MAIL_PROTO}
  message:
${message.replaceAll(/^/gm, '    ')}`

test('a gRPC message is checked field by field, each problem at its own line and column', () => {
  expect(problemsOf(grpc('mail.v1.Mailer/Send', 'id: "{{id}}"\nfrom: {mail: "{{email}}"}\nkind: FAST'))).toEqual([])
  expect(
    problemsOf(
      grpc('mail.v1.Mailer/Send', 'idd: "{{id}}"\nfrom:\n  mial: "{{email}}"\nkind: SLOW\ncc: [{mail: a}, b]'),
    ),
  ).toEqual([
    '10:11 BINGO_RULE_GRPC_FIELD',
    '12:13 BINGO_RULE_GRPC_FIELD',
    '13:17 BINGO_RULE_GRPC_FIELD',
    '14:27 BINGO_RULE_GRPC_FIELD',
  ])
})

test('an unknown service or method is reported where it is written', () => {
  for (const method of ['mail.v1.Gone/Send', 'mail.v1.Mailer/Gone', 'mail.v1.Mailer/Watch']) {
    expect(problemsOf(grpc(method, 'id: 1'))).toEqual(['7:17 BINGO_RULE_GRPC_METHOD'])
  }
})
