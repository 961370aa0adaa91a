// SPDX-License-Identifier: Apache-2.0
//
// Gives the parser of origins' heads any bytes, cut into lines at any place, and checks what it promises of a head that
// it takes. Build with FUZZ=1 and --sanitize=fuzzer,address.

@testable import FrontendCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzResponseHead(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    var parser = ResponseHeadParser(limits: FetchLimits())
    do throws(FetchError) {
        // libcurl hands out whole lines; the last may lack its end.
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let whole = Array(line) + [0x0A]
            guard let head = try parser.take(whole.span) else { continue }
            precondition((200...999).contains(head.status))
            precondition(head.headers.map(\.name).count <= FetchLimits().maximumHeaderFields)
            for field in head.headers {
                let (name, value) = (field.name, field.value)
                precondition(!name.isEmpty && name.utf8.allSatisfy(ResponseHeadParser.isTokenByte))
                precondition(value.utf8.allSatisfy(ResponseHeadParser.isFieldByte))
                precondition(value.utf8.first != 0x20 && value.utf8.last != 0x20)
            }
            let lengths = Set(head.values(of: "content-length"))
            precondition(lengths.count <= 1 && lengths.allSatisfy { Int($0) != nil })
            precondition(lengths.isEmpty || head.values(of: "transfer-encoding").isEmpty)
        }
    } catch {
        precondition((400...599).contains(error.status))
    }
    return 0
}
