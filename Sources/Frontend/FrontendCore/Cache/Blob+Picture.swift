// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// What the bytes say they are. Nearly always the first ones tell, and the rest is not touched.
extension Blob {
    /// The format of a picture; nil for everything else.
    var format: ImageFormat? { self.withHead { ImageFormat(magic: $0) } }

    /// The size that a picture's header declares; nil where it cannot be read.
    var declaredSize: ImageSize? {
        // In these formats the first size is the one that counts, so what follows cannot change it.
        if self.format == .jpeg || self.format == .png, let size = self.withHead({ ImageHeader.size(of: $0) }) {
            return size
        }
        return self.withSpan { ImageHeader.size(of: $0) }
    }

    /// See ``ContentType/served(announced:bytes:)``.
    func servedType(announced: String) -> String? {
        guard self.format == nil else { return self.withHead { ContentType.served(announced: announced, bytes: $0) } }
        return self.withSpan { ContentType.served(announced: announced, bytes: $0) }
    }
}
