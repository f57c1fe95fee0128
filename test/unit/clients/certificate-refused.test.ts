import { expect, test } from 'vitest'
import { isCertificateRefused } from '../../../src/clients/certificate-refused.ts'

test.each([
  '80FB:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:ssl/record/rec_layer_s3.c:909:SSL alert number 116',
  '80FB:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:ssl/record/rec_layer_s3.c:909:SSL alert number 42',
  '80FB:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:ssl/record/rec_layer_s3.c:909:SSL alert number 48',
])('a server that refuses the certificate of a client is known by its alert: %s', (message) => {
  const tried = new AggregateError([new Error('connect failed', { cause: new Error(message) })], '4 tries failed')
  expect(isCertificateRefused(new Error('unreachable', { cause: tried }))).toBe(true)
})

test.each([
  'self-signed certificate in certificate chain',
  'read ECONNRESET',
  '80FB:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:ssl/record/rec_layer_s3.c:909:SSL alert number 40',
])('another trouble is not one with the certificate of the client: %s', (message) => {
  expect(isCertificateRefused(new Error(message))).toBe(false)
})
