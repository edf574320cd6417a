#include "proxy/body/pack_scan.h"

#include <utility>

namespace bottle {

PackScan::PackScan(const SecretSet& set, ScanSpace& scan, DecodeSpace& decode, std::string host,
                   Scheme scheme)
    : set_(set),
      scan_(scan),
      host_(std::move(host)),
      scheme_(scheme),
      reader_(*this, decode, PackLimits()) {}

std::optional<Finding> PackScan::feed(ByteView piece, bool end) {
  if (!reader_.reading()) return std::nullopt;
  reader_.feed(piece);
  if (end) reader_.flush();
  return std::exchange(found_, std::nullopt);
}

void PackScan::view(ByteView text, ViewSpec where) {
  if (found_) return;
  if (where.first || !object_) object_.emplace(set_, scan_, host_, scheme_);
  found_ = object_->feed(text).refused;
  if (!found_ && where.last) found_ = object_->finish();
  if (where.last) object_.reset();
  if (!found_) return;
  found_->begin = where.begin;
  found_->end = where.end;
  found_->json_path.clear();
}

}  // namespace bottle
