/** English first, Chinese second. */
export type Texts = Readonly<Record<string, readonly [english: string, chinese: string]>>;
