import type { DefaultFailureConverter as Converter } from '@temporalio/common';

const { DefaultFailureConverter } = require('@temporalio/common') as { DefaultFailureConverter: typeof Converter };

/**
 * Gives message and stack of a failure to the codec, which they would pass by otherwise. The SDK loads this file by its
 * path, in a worker and in the bundle of its workflows; a CommonJS module, because it does so by `require`.
 */
module.exports = { failureConverter: new DefaultFailureConverter({ encodeCommonAttributes: true }) };
