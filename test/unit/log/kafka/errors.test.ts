import { expect, test } from 'vitest'
import { kafkaError } from '../../../../src/log/kafka/errors.ts'

const answered = (apiId: string): Error =>
  new AggregateError(
    [new Error('Produce failed', { cause: Object.assign(new Error('x'), { apiId }) })],
    '4 tries failed',
  )

test.each([
  ['NOT_ENOUGH_REPLICAS', 'min.insync.replicas'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'min.insync.replicas'],
  ['LEADER_NOT_AVAILABLE', 'brokers are up'],
])('%s is told by its name, passes, and says what to do', (name, hint) => {
  expect(kafkaError('kafka://k/log', answered(name))).toMatchObject({
    code: 'BINGO_LOG_UNREACHABLE',
    retryable: true,
    message: `The event log kafka://k/log is unavailable: ${name}`,
    hint: expect.stringContaining(hint) as string,
  })
})

test.each([
  ['TOPIC_AUTHORIZATION_FAILED', 'DescribeConfigs'],
  ['SASL_AUTHENTICATION_FAILED', 'password'],
])('%s is told as a refusal, passes, and says what to do', (name, hint) => {
  expect(kafkaError('kafka://k/log', answered(name))).toMatchObject({
    code: 'BINGO_LOG_REFUSED',
    retryable: true,
    hint: expect.stringContaining(hint) as string,
  })
})

test('a broker that is down is told by what the socket says', () => {
  const refused = new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:9092')], 'Connection failed')
  expect(kafkaError('kafka://k/log', new Error('4 tries failed', { cause: refused })).message).toContain('ECONNREFUSED')
})
