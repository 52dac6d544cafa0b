import { jsonParser } from 'stream-json/core/parser.js';
import type { Token, TokenSource } from 'stream-json/core/parser.js';

/** Characters of a text that are handed on; of a longer one the beginning. */
const LONGEST_TEXT = 64 * 1024;
/** Levels of objects and lists; what HAPI FHIR and others read (the default of Jackson) has no more. */
const DEEPEST = 1000;
/** Bytes that are parsed at a time: what they consist of is in memory together. */
const BLOCK = 64 * 1024;

/** Is called with what a JSON object consists of, in order. */
export interface JsonListener {
  open(kind: 'object' | 'array'): void;
  close(): void;
  key(name: string): void;
  /** A value that is neither object nor list. */
  value(value: string | number | boolean | null): void;
}

/**
 * Reads one JSON object of any length in constant memory. It says what is wrong in its own words: those of a
 * parser quote the content.
 */
export class JsonReader {
  readonly #parse = jsonParser({ packValues: false, streamValues: true });
  readonly #decoder = new TextDecoder();
  readonly #listener: JsonListener;
  #depth = 0;
  /** Key, string or number that is being read. */
  #text = '';
  #ended = false;

  constructor(listener: JsonListener) {
    this.#listener = listener;
  }

  /** Reads the next bytes; says what is wrong, if something is: the object is not read any further then. */
  push(bytes: Uint8Array): string | undefined {
    for (let from = 0; from < bytes.length; from += BLOCK) {
      const fault = this.#read(this.#decoder.decode(bytes.subarray(from, from + BLOCK), { stream: true }));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** What is wrong at the end, if something is. */
  end(): string | undefined {
    return this.#ended ? undefined : 'is not JSON';
  }

  #read(text: string): string | undefined {
    let tokens: ReturnType<TokenSource>;
    try {
      tokens = this.#parse(text);
    } catch {
      return 'is not JSON';
    }
    if (typeof tokens === 'symbol') return undefined;
    for (const token of tokens.values) {
      if (this.#depth === 0 && token.name !== 'startObject' && token.name !== 'endObject') {
        return 'is not a JSON object';
      }
      this.#take(token);
      if (this.#depth > DEEPEST) return `is nested deeper than ${DEEPEST} levels`;
    }
    return undefined;
  }

  #take(token: Token): void {
    switch (token.name) {
      case 'startObject':
      case 'startArray':
        this.#depth++;
        return this.#listener.open(token.name === 'startObject' ? 'object' : 'array');
      case 'endObject':
      case 'endArray':
        this.#ended = --this.#depth === 0;
        return this.#listener.close();
      case 'startKey':
      case 'startString':
      case 'startNumber':
        this.#text = '';
        return;
      case 'stringChunk':
      case 'numberChunk':
        if (this.#text.length < LONGEST_TEXT) this.#text += token.value;
        return;
      case 'endKey':
        return this.#listener.key(this.#text);
      case 'endString':
        return this.#listener.value(this.#text);
      case 'endNumber':
        return this.#listener.value(Number(this.#text));
      case 'nullValue':
      case 'trueValue':
      case 'falseValue':
        return this.#listener.value(token.value);
    }
  }
}
