import { request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import { createStats } from '../../../src/model/stats.ts'
import type { DropResult } from '../../../src/model/delivery/deliveries.ts'
import { HttpServer } from '../../../src/ops/http-server.ts'
import { Tokens } from '../../../src/ops/tokens.ts'
import { createMetrics } from '../../../src/ops/metrics/metrics.ts'
import { Progress } from '../../../src/ops/progress.ts'

let ready = true
const pages = {
  resumeRule: (rule: string) => rule === 'broken',
  setTargetPaused: async (target: string, isPaused: boolean) =>
    target === 'crm' ? ('done' as const) : isPaused ? ('unknown' as const) : ('not paused' as const),
  dropTarget: (target: string) =>
    (target === 'old' ? { dropped: 3 } : target === 'crm' ? 'named' : 'unknown') as DropResult,
  health: () => ({ ready, reasons: ready ? [] : [{ code: 'BINGO_TARGET_DOWN', message: 'x' }], notes: [] }),
  metrics: async () => 'bingo_ready 1\n',
  status: async () => ({ name: 'shop', big: 12345678901234567890n }),
}

function open(token?: string): Promise<HttpServer> {
  return HttpServer.open({ host: '127.0.0.1', port: 0, tokens: new Tokens({ token }) }, pages)
}

function get(port: number, path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, headers, method }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    sent.on('error', reject).end()
  })
}

test('the four pages answer', async () => {
  await using http = await open()
  expect((await get(http.port, '/healthz')).status).toBe(200)
  expect((await get(http.port, '/metrics')).body).toContain('bingo_ready 1')
  expect(JSON.parse((await get(http.port, '/status')).body)).toEqual({ name: 'shop', big: '12345678901234567890' })
  expect((await get(http.port, '/nothing')).status).toBe(404)
  expect((await get(http.port, '/status', {}, 'POST')).status).toBe(405)
})

test('readyz answers 503 with the reason', async () => {
  await using http = await open()
  expect((await get(http.port, '/readyz')).status).toBe(200)
  ready = false
  const answer = await get(http.port, '/readyz')
  ready = true
  expect(answer.status).toBe(503)
  expect(JSON.parse(answer.body)).toMatchObject({ reasons: [{ code: 'BINGO_TARGET_DOWN' }] })
})

test('with a token, only liveness and the bare readiness are open', async () => {
  await using http = await open('right-token')
  expect((await get(http.port, '/healthz')).status).toBe(200)
  expect(JSON.parse((await get(http.port, '/readyz')).body)).toEqual({ ready: true })
  for (const path of ['/metrics', '/status']) {
    expect((await get(http.port, path)).status).toBe(401)
    expect((await get(http.port, path, { authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await get(http.port, path, { authorization: 'Bearer right-token' })).status).toBe(200)
  }
})

test('a browser page cannot read it through a name of its own or from another origin', async () => {
  await using http = await open()
  expect((await get(http.port, '/status', { host: 'evil.example:8686' })).status).toBe(403)
  expect((await get(http.port, '/status', { host: 'localhost:8686' })).status).toBe(200)
  expect((await get(http.port, '/status', { host: '[::1]:8686' })).status).toBe(200)
  expect((await get(http.port, '/status', { origin: 'https://evil.example' })).status).toBe(403)
})

test('the API is behind the same checks, after each answer as well, and its failure is an answer', async () => {
  const api = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (asked.url === '/api/broken') throw new Error('broken')
    response.end('from the API')
  }
  await using http = await HttpServer.open(
    { host: '127.0.0.1', port: 0, tokens: new Tokens({ token: undefined }) },
    { ...pages, api },
  )
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'POST') =>
    (await get(http.port, path, headers, method)).status
  for (let i = 0; i < 2; i++) {
    expect(await get(http.port, '/api/any', {}, 'POST')).toEqual({ status: 200, body: 'from the API' })
    expect(await ask('/api/any', { host: 'evil.example' })).toBe(403)
    expect(await ask('/api/any', { origin: 'https://evil.example' })).toBe(403)
    expect(await ask('/api/any', {}, 'PUT')).toBe(405)
    expect(await ask('/openapi.json', {}, 'GET')).toBe(200)
    expect(await get(http.port, '/api/broken')).toMatchObject({ status: 500, body: '{"error":"broken"}\n' })
  }
})

test('a port in use is a clear error', async () => {
  await using http = await open()
  await expect(
    HttpServer.open({ host: '127.0.0.1', port: http.port, tokens: new Tokens({ token: undefined }) }, pages),
  ).rejects.toMatchObject({
    code: 'BINGO_HTTP_LISTEN',
  })
})

test('metrics are read from the counters when scraped', async () => {
  const stats = createStats(1_000)
  const registry = createMetrics({
    stats,
    progress: new Progress(stats, systemClock),
    health: pages.health,
    deadLetters: async () => 2,
    version: '1.2.3',
    now: () => Date.now(),
  })
  stats.eventsTotal = 5
  stats.budget.jobs = 7
  stats.rules.set('r1', {
    matchedTotal: 3,
    actionsTotal: 3,
    deliveredTotal: 2,
    coalescedTotal: 1,
    errorsTotal: 0,
    deadLettersTotal: 0,
  })
  const target = stats.budget.target({ id: 'redis://c', type: 'redis' })
  Object.assign(target, { queued: 1, downSince: 1, lastError: 'x' })
  Object.assign(target.counters, { sendsTotal: 4, deliveredTotal: 2, failures: new Map([['BINGO_X', 3]]) })
  for (const ms of [0.5, 7, 99_000]) target.counters.sendTimes.observe(ms)
  const text = await registry.metrics()
  for (const line of [
    'bingo_events_read_total 5',
    'bingo_in_flight_jobs 7',
    'bingo_dead_letters 2',
    'bingo_rule_matched_total{rule="r1"} 3',
    'bingo_target_sends_total{target="redis://c",type="redis"} 4',
    'bingo_target_up{target="redis://c",type="redis"} 0',
    'bingo_target_failures_total{target="redis://c",type="redis",code="BINGO_X"} 3',
    'bingo_target_send_duration_seconds_bucket{target="redis://c",type="redis",le="0.01"} 2',
    'bingo_target_send_duration_seconds_bucket{target="redis://c",type="redis",le="+Inf"} 3',
    'bingo_target_send_duration_seconds_count{target="redis://c",type="redis"} 3',
    'bingo_build_info{version="1.2.3"} 1',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
  expect(text).not.toMatch(/^bingo_checkpoint_age_seconds /m)
  stats.eventsTotal = 6
  expect(await registry.metrics()).toContain('bingo_events_read_total 6\n')
})

test('a suspended rule is resumed by POST only, with the token only', async () => {
  await using http = await open('secret')
  const resume = async (rule: string, method = 'POST', token = 'secret') => {
    const url = `http://127.0.0.1:${http.port}/rules/resume?rule=${rule}`
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } })
    return [response.status, await response.json()]
  }
  expect(await resume('broken')).toEqual([200, { resumed: 'broken' }])
  expect(await resume('fine')).toEqual([409, { error: 'rule "fine" is not suspended' }])
  expect((await resume('broken', 'POST', 'wrong'))[0]).toBe(401)
  expect((await resume('broken', 'GET'))[0]).toBe(404)
})

test('a target is paused and resumed by POST only, with the token only', async () => {
  await using http = await open('secret')
  const ask = async (verb: string, target: string, method = 'POST', token = 'secret') => {
    const url = `http://127.0.0.1:${http.port}/targets/${verb}?target=${target}`
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } })
    return [response.status, await response.json()]
  }
  expect(await ask('pause', 'crm')).toEqual([200, { target: 'crm', paused: true }])
  expect(await ask('resume', 'crm')).toEqual([200, { target: 'crm', paused: false }])
  expect((await ask('pause', 'nobody'))[0]).toBe(404)
  expect((await ask('resume', 'nobody'))[0]).toBe(409)
  expect((await ask('pause', 'crm', 'POST', 'wrong'))[0]).toBe(401)
  expect((await ask('resume', 'crm', 'GET'))[0]).toBe(404)
})

test('a target is dropped by POST only, with the token only', async () => {
  await using http = await open('secret')
  const drop = async (target: string, method = 'POST', token = 'secret') => {
    const url = `http://127.0.0.1:${http.port}/targets/drop?target=${target}`
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } })
    return [response.status, await response.json()]
  }
  expect(await drop('old')).toEqual([200, { dropped: 3 }])
  expect((await drop('crm'))[0]).toBe(409)
  expect((await drop('nobody'))[0]).toBe(404)
  expect((await drop('old', 'POST', 'wrong'))[0]).toBe(401)
  expect((await drop('old', 'GET'))[0]).toBe(404)
  expect((await fetch(`http://127.0.0.1:${http.port}/status`, { method: 'POST' })).status).toBe(405)
})
