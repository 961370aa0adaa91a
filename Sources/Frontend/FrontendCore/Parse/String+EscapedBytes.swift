// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Text of a URL made from its bytes.
    ///
    /// Those that are no UTF-8 are percent-encoded: they mean the same, and a `String` cannot hold them.
    init(escapingInvalidBytesOf bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self) {
            self = text
            return
        }
        self.init()
        var rest = bytes[...]
        while let first = rest.first {
            var decoder = UTF8()
            var input = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&input) {
                self.unicodeScalars.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                self += String(decoding: URLComponent.escaped(first), as: UTF8.self)
                rest = rest.dropFirst()
            }
        }
    }
}
