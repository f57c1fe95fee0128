import type { Random } from '../support/random-tables.ts'

/** Pieces that parsers stumble over, and that would leave a trace if anything ran them. */
const EVIL = [
  '\0',
  '\r',
  '\t',
  '\u2028',
  '\ufeff',
  '\ud800',
  '😀',
  '𝕏',
  '"',
  "'",
  '`',
  '\\',
  '{{',
  '}}',
  '{{{',
  '${',
  '#{',
  '<<: *a',
  '&a [*a]',
  '*a',
  '!!js/function "function(){globalThis.bingoCanary=1}"',
  '!<tag:yaml.org,2002:python/object/apply:os.system>',
  '---\n',
  '? ',
  ': ',
  '- ',
  '| \n',
  '> ',
  '__proto__',
  'constructor',
  'constructor.constructor("globalThis.bingoCanary=1")()',
  '{{#with (lookup . "constructor")}}{{/with}}',
  '${env:HOME}',
  '${file:/dev/zero}',
  '${file:/proc/self/environ}',
  '1e999',
  '-0',
  '9223372036854775808',
  '0x7fffffffffffffff',
  'NaN',
  'null',
  '~',
  '2001-12-14t21:59:43.10-05:00',
  '(a+)+$',
  '{0,100000}',
]

/** A text with one to six changes; most keep it close to what a parser accepts. */
export function mutateText(text: string, random: Random, tokens: readonly string[]): string {
  let result = text
  for (let changes = 1 + random.below(6); changes > 0; changes--) result = change(result, random, tokens)
  return result.slice(0, 200_000)
}

function change(text: string, random: Random, tokens: readonly string[]): string {
  const at = random.below(text.length + 1)
  const to = Math.min(text.length, at + random.below(20))
  switch (random.below(9)) {
    case 0:
      return text.slice(0, at) + text.slice(to)
    case 1:
      return text.slice(0, at) + random.pick(EVIL) + text.slice(at)
    case 2:
      return text.slice(0, at) + random.pick(tokens) + text.slice(to)
    case 3:
      return text.slice(0, to) + text.slice(at)
    case 4:
      return (
        text.slice(0, at) + String.fromCharCode(random.below(random.pick([128, 0x3000, 0x1_0000]))) + text.slice(to)
      )
    case 5:
      return text.slice(0, at) + text.slice(at, to).repeat(1 + random.below(50)) + text.slice(to)
    case 6:
      return swapLines(text, random)
    case 7:
      return nest(text, at, random)
    default:
      return text.slice(0, at) + random.text(10) + text.slice(at)
  }
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\n')
  const [one, other] = [random.below(lines.length), random.below(lines.length)]
  ;[lines[one], lines[other]] = [lines[other]!, lines[one]!]
  return lines.join('\n')
}

/** Brackets, far deeper than anybody writes them. */
function nest(text: string, at: number, random: Random): string {
  const depth = random.pick([2, 60, 2_000, 20_000])
  const [open, close] = random.pick([
    ['(', ')'],
    ['[', ']'],
    ['{a: ', '}'],
    ['- ', ''],
    ['{{#if id}}', '{{/if}}'],
    ['!', ''],
    ['-', ''],
  ])
  return text.slice(0, at) + open.repeat(depth) + close.repeat(random.below(2) * depth) + text.slice(at)
}
