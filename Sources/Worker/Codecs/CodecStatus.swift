// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
internal import ImageJob

extension codec_status {
    /// Throws what the status means for the job, if it is not good.
    func check() throws(JobFailure) {
        switch self {
        case CODEC_OK: return
        case CODEC_CORRUPT: throw .corruptSource
        case CODEC_UNSUPPORTED: throw .unsupportedFormat
        case CODEC_TOO_LARGE: throw .resultTooLarge
        case CODEC_TOO_MANY_PIXELS: throw .tooManyPixels
        case CODEC_DISABLED: throw .disabledFormat
        case CODEC_NO_MEMORY: throw .outOfMemory
        case CODEC_DEADLINE: throw .deadlinePassed
        default: throw .internalError
        }
    }
}
