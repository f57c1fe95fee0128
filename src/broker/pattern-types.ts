/** Whether a type of events fits a pattern, as model/event/type-pattern.ts decides it. */
export type Fits<Type extends string, Pattern extends string> = Pattern extends '*' | '**'
  ? true
  : Pattern extends `${infer Head}.**`
    ? FitsParts<Type, Head> extends true
      ? true
      : FitsStart<Type, Head>
    : FitsParts<Type, Pattern>

type FitsParts<
  Type extends string,
  Pattern extends string,
> = Pattern extends `${infer PatternPart}.${infer PatternRest}`
  ? Type extends `${infer Part}.${infer Rest}`
    ? FitsPart<Part, PatternPart> extends true
      ? FitsParts<Rest, PatternRest>
      : false
    : false
  : Type extends `${string}.${string}`
    ? false
    : FitsPart<Type, Pattern>

/** The pattern is fitted by the first parts; more come behind them. */
type FitsStart<Type extends string, Pattern extends string> = Type extends `${infer Part}.${infer Rest}`
  ? Pattern extends `${infer PatternPart}.${infer PatternRest}`
    ? FitsPart<Part, PatternPart> extends true
      ? FitsStart<Rest, PatternRest>
      : false
    : FitsPart<Part, Pattern>
  : false

type FitsPart<Part extends string, Pattern extends string> = Pattern extends '*'
  ? true
  : Part extends Pattern
    ? true
    : false

/** Types of an event map that fit a pattern; of a map with any types, or for a pattern that is no literal, all. */
export type FittingTypes<Events extends object, Pattern extends string> = string extends keyof Events
  ? string
  : string extends Pattern
    ? keyof Events & string
    : { [Type in keyof Events & string]: Fits<Type, Pattern> extends true ? Type : never }[keyof Events & string]

/** The pattern itself, or nothing where no type of the map fits it: a misspelled one does not compile. */
export type KnownPattern<Events extends object, Pattern extends string> = [FittingTypes<Events, Pattern>] extends [
  never,
]
  ? never
  : Pattern
