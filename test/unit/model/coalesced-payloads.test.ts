import { expect, test } from 'vitest'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { changeOf, tableOf } from '../../support/match-tables.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'

const USERS = tableOf({ id: 'bigint', email: 'varchar', name: 'varchar' })
const first = { id: 1, email: 'a', name: 'Ada' }

/** Whether the newer of two changes of a row stands for the older one. */
function supersedes(action: string, changes: { readonly email?: string; readonly name?: string }): boolean {
  const [rule] = rulesFrom(`rules:\n  - {id: r, table: users, coalesce: latest, actions: [${action}]}`)
  const plan = rule!.actions[0]!
  const hold = { release: () => undefined }
  const [older, newer] = [first, { ...first, ...changes }].map((row) => {
    const change = changeOf(null, row, USERS)
    return new InFlightJob(plan, change, plan.bind(USERS)(change), 0, 0, hold, null)
  })
  return newer!.supersedes(older!)
}

test.each([
  '{type: redis, cmd: SET, key: "u:{{email}}", value: "{{name}}"}',
  '{type: redis, cmd: HSET, key: "u:{{email}}", fields: "{{new}}"}',
  '{type: redis, cmd: UNLINK, keys: ["u:{{email}}", "v:{{id}}"]}',
  '{type: webhook, url: "https://x.example.com/{{email}}"}',
  '{type: kafka, brokers: ["k:9092"], topic: t, key: "{{email}}"}',
  '{type: kafka, brokers: ["k:9092"], topic: "t.{{email}}"}',
  '{type: nats, url: "nats://n:4222", subject: "s.{{email}}"}',
  '{type: rabbitmq, url: "amqp://r", routingKey: "q.{{email}}"}',
])('%s: the newest of a row stands for those that go to the same place', (action) => {
  expect(supersedes(action, { name: 'Eve' })).toBe(true)
  expect(supersedes(action, { email: 'b' })).toBe(false)
})

test.each([
  '{type: sql, url: "mysql://s/d", statement: "UPDATE t SET n = ? WHERE e = ?", params: ["{{name}}", "{{email}}"]}',
  '{type: log}',
])('%s: only an equal one stands for another', (action) => {
  expect(supersedes(action, { name: 'Eve' })).toBe(false)
  expect(supersedes(action, {})).toBe(true)
})
