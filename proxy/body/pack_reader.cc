#include "proxy/body/pack_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "proxy/body/decode_space.h"
#include "proxy/guard/views/child.h"

namespace bottle {
namespace {

// Reads the instructions of a delta (gitformat-pack, "Deltified representation") and gives out the
// bytes that they insert.
class DeltaReader {
 public:
  void begin() { *this = DeltaReader(); }
  // Appends the inserted bytes to `out`. False: it is no delta.
  bool read(ByteView in, Bytes& out) {
    for (std::size_t i = 0; i < in.size();) {
      if (literal_ > 0) {
        const std::size_t size = std::min(literal_, in.size() - i);
        out.append(in.substr(i, size));
        literal_ -= size;
        i += size;
        continue;
      }
      if (!step(static_cast<unsigned char>(in[i++]))) return false;
    }
    return true;
  }

 private:
  bool step(unsigned char byte) {
    if (sizes_ > 0) {
      if ((byte & 0x80) == 0) --sizes_;
    } else if (arguments_ > 0) {
      --arguments_;
    } else if ((byte & 0x80) != 0) {
      arguments_ = static_cast<std::size_t>(std::popcount(static_cast<unsigned>(byte & 0x7f)));
    } else {
      literal_ = byte;
      return byte != 0;
    }
    return true;
  }

  int sizes_ = 2;  // of the source and of the target come first
  std::size_t arguments_ = 0;
  std::size_t literal_ = 0;
};

void* allocate(void* heap, uInt items, uInt size) {
  return static_cast<DecodeHeap*>(heap)->allocate(std::size_t{items} * size);
}
void release(void* heap, void* block) { static_cast<DecodeHeap*>(heap)->release(block); }

}  // namespace

class PackReader::State {
 public:
  State(ViewSink& sink, DecodeSpace& space, PackLimits limits)
      : limits_(limits),
        heap_(space, false),
        object_(sink, Coded::GitObject, 0),
        delta_(sink, Coded::GitDelta, 0) {}
  ~State() {
    if (started_) inflateEnd(&stream_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void feed(ByteView in) {
    while (!in.empty() && place_ != Place::Done) in.remove_prefix(advance(in));
  }
  void end() {
    close();
    place_ = Place::Done;
  }
  [[nodiscard]] bool reading() const { return place_ != Place::Done; }
  [[nodiscard]] bool cut_short() const { return cut_short_; }
  [[nodiscard]] bool lacks_memory() const { return lacks_memory_; }

 private:
  enum class Place : std::uint8_t { Start, Line, Header, Object, Offset, Base, Data, Done };
  static constexpr std::size_t kHeader = 12;  // "PACK", version, number of objects
  static constexpr std::size_t kBase = 20;    // the name of a delta's base
  static constexpr std::size_t kRoom = 16 * 1024;
  static constexpr unsigned kOffsetDelta = 6;
  static constexpr unsigned kNamedDelta = 7;

  // Reads on; returns how many bytes that took.
  std::size_t advance(ByteView in) {
    switch (place_) {
      case Place::Start:
        gather(in.front(), 4);
        if (size_ == 4) start();
        break;
      case Place::Line:
      case Place::Base:
        return skip(in);
      case Place::Header:
        gather(in.front(), kHeader);
        if (size_ == kHeader) read_header();
        break;
      case Place::Object:
        object_byte(static_cast<unsigned char>(in.front()));
        break;
      case Place::Offset:
        if ((in.front() & 0x80) == 0) begin_data();
        break;
      case Place::Data:
        return inflate_some(in);
      case Place::Done:
        return in.size();
    }
    ++at_;
    return 1;
  }

  void gather(char c, std::size_t most) {
    if (size_ < most) gathered_[size_++] = c;
  }

  // A pkt-line (gitprotocol-common) or the pack.
  void start() {
    const ByteView four(gathered_.data(), 4);
    if (four == "PACK") {
      place_ = Place::Header;
      return;
    }
    size_ = 0;
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(four.data(), four.data() + 4, length, 16);
    if (error != std::errc() || end != four.data() + 4) return end_reading();
    if (length <= 4) return;
    left_ = length - 4;
    place_ = Place::Line;
  }

  void end_reading() {
    close();
    place_ = Place::Done;
  }
  void end_short() {
    cut_short_ = true;
    end_reading();
  }
  void end_without_memory() {
    lacks_memory_ = true;
    end_short();
  }

  std::size_t skip(ByteView in) {
    const std::size_t size = std::min(left_, in.size());
    left_ -= size;
    at_ += size;
    if (left_ > 0) return size;
    if (place_ == Place::Base) {
      begin_data();
    } else {
      place_ = Place::Start;
    }
    return size;
  }

  void read_header() {
    const auto number = [this](std::size_t from) {
      std::uint32_t value = 0;
      for (std::size_t i = from; i < from + 4; ++i) {
        value = value << 8 | static_cast<unsigned char>(gathered_[i]);
      }
      return value;
    };
    const std::uint32_t version = number(4);
    objects_ = number(8);
    if (version != 2 && version != 3) return end_reading();
    next_object();
  }

  void next_object() {
    if (objects_ == 0) return end_reading();
    if (limits_.objects == 0) return end_short();
    --objects_;
    --limits_.objects;
    place_ = Place::Object;
    first_byte_ = true;
  }

  // The type and the size of an object, whose digits the last byte ends.
  void object_byte(unsigned char byte) {
    if (first_byte_) {
      type_ = byte >> 4 & 7;
      begin_ = at_;
    }
    first_byte_ = false;
    if ((byte & 0x80) != 0) return;
    if (type_ == kOffsetDelta) {
      place_ = Place::Offset;
    } else if (type_ == kNamedDelta) {
      place_ = Place::Base;
      left_ = kBase;
    } else if (type_ == 0 || type_ == 5) {
      end_reading();
    } else {
      begin_data();
    }
  }

  void begin_data() {
    if (!started_) {
      stream_.opaque = &heap_;
      stream_.zalloc = allocate;
      stream_.zfree = release;
      if (inflateInit(&stream_) != Z_OK) return end_without_memory();
      started_ = true;
    } else {
      inflateReset(&stream_);
    }
    delta_reader_.begin();
    shown_ = 0;
    place_ = Place::Data;
  }

  std::size_t inflate_some(ByteView in) {
    in = in.substr(0, kRoom);
    // zlib does not write to its input; its interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    int status = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room_.data());
      stream_.avail_out = static_cast<uInt>(kRoom);
      status = inflate(&stream_, Z_NO_FLUSH);
      show(ByteView(room_.data(), kRoom - stream_.avail_out), at_ + in.size() - stream_.avail_in);
    } while (status == Z_OK && stream_.avail_out == 0 && place_ == Place::Data);
    const std::size_t used = in.size() - stream_.avail_in;
    at_ += used;
    if (place_ != Place::Data) return used;
    if (status == Z_MEM_ERROR) {
      end_without_memory();
    } else if (status == Z_STREAM_END) {
      close();
      next_object();
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      end_reading();
    }
    return used;
  }

  void show(ByteView bytes, std::uint64_t end) {
    if (bytes.size() > limits_.total_bytes) return end_short();
    limits_.total_bytes -= bytes.size();
    const bool delta = type_ == kOffsetDelta || type_ == kNamedDelta;
    if (delta) {
      literals_.clear();
      if (!delta_reader_.read(bytes, literals_)) return end_reading();
      bytes = literals_;
    }
    const std::uint64_t left = limits_.object_bytes - shown_;
    if (bytes.size() > left) cut_short_ = true;
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
    shown_ += bytes.size();
    (delta ? delta_ : object_).give(bytes, begin_, end);
  }

  void close() {
    object_.close(at_);
    delta_.close(at_);
  }

  PackLimits limits_;  // each is counted down
  DecodeHeap heap_;
  Child object_;
  Child delta_;
  Place place_ = Place::Start;
  bool cut_short_ = false;
  bool lacks_memory_ = false;
  std::uint64_t at_ = 0;
  std::size_t size_ = 0;  // of the gathered bytes
  std::array<char, kHeader> gathered_{};
  std::size_t left_ = 0;       // to skip
  std::uint32_t objects_ = 0;  // still to come
  bool first_byte_ = false;
  unsigned type_ = 0;
  std::uint64_t begin_ = 0;  // of the object
  std::uint64_t shown_ = 0;  // of the object
  z_stream stream_{};
  bool started_ = false;
  DeltaReader delta_reader_;
  Bytes literals_;
  std::array<char, kRoom> room_;
};

PackReader::PackReader(ViewSink& sink, DecodeSpace& space, PackLimits limits)
    : state_(std::make_unique<State>(sink, space, limits)) {}
PackReader::~PackReader() = default;

void PackReader::feed(ByteView in) { state_->feed(in); }
void PackReader::flush() { state_->end(); }
bool PackReader::reading() const noexcept { return state_->reading(); }
bool PackReader::lacks_memory() const noexcept { return state_->lacks_memory(); }
bool PackReader::cut_short() const noexcept { return state_->cut_short(); }

}  // namespace bottle
