import { expect, test } from 'vitest'
import { loadConfig } from '../../../../src/app/config/load.ts'
import { ProblemsError } from '../../../../src/model/errors.ts'
import type { Environment } from '../../../../src/model/secrets.ts'

const MISSING = { BINGO_SOURCE_URL: 'mysql://u:${env:NOT_THERE}@db', BINGO_REDIS_URL: 'redis://:${env:NOT_THERE}@c' }

function load(env: Environment, used?: readonly string[]) {
  return loadConfig({ env, cwd: '/tmp/nowhere', sourceRequired: false, used }).config
}

test('A command needs the secrets of what it uses, and no others', () => {
  expect(load(MISSING, ['http']).redis.url).toBeUndefined()
  expect(() => load(MISSING, ['redis'])).toThrow(ProblemsError)
  expect(() => load(MISSING)).toThrow(ProblemsError)
})

test('The token of the admin server is needed by those who ask it only', () => {
  const env = { BINGO_HTTP_LISTEN: '0.0.0.0:8686', BINGO_HTTP_TOKEN: '${env:NOT_THERE}' }
  expect(load(env, ['checkpoint', 'deadLetters']).http.token).toBeUndefined()
  expect(() => load(env, ['http'])).toThrow(ProblemsError)
})

test('An invalid value is a problem for every command', () => {
  expect(() => load({ BINGO_LANES: 'many' }, ['http'])).toThrow(ProblemsError)
})
