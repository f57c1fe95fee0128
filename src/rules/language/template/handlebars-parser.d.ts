/** The parser of Handlebars by itself, without its compiler and runtime, which are twice as much again and not used. */
declare module 'handlebars/dist/cjs/handlebars/compiler/base.js' {
  import type Handlebars from 'handlebars'

  export const parse: typeof Handlebars.parse
}
