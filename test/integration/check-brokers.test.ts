import { afterAll, beforeAll, expect, test } from 'vitest'
import { KafkaTarget } from '../../src/targets/kafka/target.ts'
import { RabbitmqTarget } from '../../src/targets/rabbitmq/target.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'

let kafka: Awaited<ReturnType<typeof startKafka>>
let rabbitmq: Awaited<ReturnType<typeof startRabbitmq>>

beforeAll(async () => {
  ;[kafka, rabbitmq] = await Promise.all([startKafka(), startRabbitmq()])
})

afterAll(async () => {
  await Promise.all([kafka.stop(), rabbitmq.stop()])
})

test('RabbitMQ distinguishes an existing exchange from a missing one', async () => {
  const target = new RabbitmqTarget({ url: rabbitmq.url, tls: null, maxConnectionAgeMs: 300_000 })
  const ask = (exchange: string) => target.check({ options: { exchange, contentType: 'x' }, timeoutMs: 20_000 })
  expect(await ask('amq.topic')).toBeNull()
  expect((await ask('nowhere'))?.error.message).toContain('nowhere')
  await target.close()
})

test('Kafka reports a missing topic and does not create it', async () => {
  const brokers = [kafka.url.replace(/^.*\/\//, '')]
  const options = {
    brokers,
    createTopics: false,
    exactlyOnce: false,
    tls: null,
    sasl: null,
    maxConnectionAgeMs: 300_000,
  }
  const target = new KafkaTarget(options, Date.now)
  const ask = (topic: string | undefined) =>
    target.check({ options: { topic, compression: 'none', contentType: 'x' }, timeoutMs: 20_000 })
  expect(await ask(undefined)).toBeNull()
  for (let i = 0; i < 2; i++) expect((await ask('nowhere'))?.error.message).toContain('nowhere')
  await target.close()
})
