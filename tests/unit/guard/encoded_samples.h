#pragma once

#include <string_view>

#include "proxy/guard/views/view.h"

namespace bottle {

// The text that every sample holds.
inline constexpr std::string_view kSampleText =
    "TOKEN=tok_abcdefghijklmnopqrstuvwxyz0123456789 and some more of it";

struct EncodedSample {
  std::string_view made_by;
  Coded coded;
  std::string_view text;
};

// As real tools write it.
inline constexpr EncodedSample kEncodedSamples[] = {
    {"base64", Coded::Base64,
     "VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZSBt\n"
     "b3JlIG9mIGl0Cg==\n"},
    {"base64 -w0", Coded::Base64,
     "VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZSBtb3Jl"
     "IG9mIGl0Cg=="},
    {"base64 -w 20", Coded::Base64,
     "VE9LRU49dG9rX2FiY2Rl\n"
     "ZmdoaWprbG1ub3BxcnN0\n"
     "dXZ3eHl6MDEyMzQ1Njc4\n"
     "OSBhbmQgc29tZSBtb3Jl\n"
     "IG9mIGl0Cg==\n"},
    {"base64 -w 8", Coded::Base64,
     "VE9LRU49\n"
     "dG9rX2Fi\n"
     "Y2RlZmdo\n"
     "aWprbG1u\n"
     "b3BxcnN0\n"
     "dXZ3eHl6\n"
     "MDEyMzQ1\n"
     "Njc4OSBh\n"
     "bmQgc29t\n"
     "ZSBtb3Jl\n"
     "IG9mIGl0\n"
     "Cg==\n"},
    {"base64 -w 4", Coded::Base64,
     "VE9L\n"
     "RU49\n"
     "dG9r\n"
     "X2Fi\n"
     "Y2Rl\n"
     "Zmdo\n"
     "aWpr\n"
     "bG1u\n"
     "b3Bx\n"
     "cnN0\n"
     "dXZ3\n"
     "eHl6\n"
     "MDEy\n"
     "MzQ1\n"
     "Njc4\n"
     "OSBh\n"
     "bmQg\n"
     "c29t\n"
     "ZSBt\n"
     "b3Jl\n"
     "IG9m\n"
     "IGl0\n"
     "Cg==\n"},
    {"base64 -w 76 | sed 's/^/> /'", Coded::Base64,
     "> VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZSBt\n"
     "> b3JlIG9mIGl0Cg==\n"},
    {"base64url", Coded::Base64,
     "VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZSBtb3Jl"
     "IG9mIGl0Cg==\n"},
    {"base64 in 16s in JSON", Coded::Base64,
     "{\"x\": [\"VE9LRU49dG9rX2Fi\", \"Y2RlZmdoaWprbG1u\", \"b3BxcnN0dXZ3eHl6\", \"MDE"
     "yMzQ1Njc4OSBh\", \"bmQgc29tZSBtb3Jl\", \"IG9mIGl0Cg==\"]}\n"},
    {"base64 in 12s in indented JSON", Coded::Base64,
     "[\n"
     "            \"VE9LRU49dG9r\",\n"
     "            \"X2FiY2RlZmdo\",\n"
     "            \"aWprbG1ub3Bx\",\n"
     "            \"cnN0dXZ3eHl6\",\n"
     "            \"MDEyMzQ1Njc4\",\n"
     "            \"OSBhbmQgc29t\",\n"
     "            \"ZSBtb3JlIG9m\",\n"
     "            \"IGl0Cg==\"\n"
     "]\n"},
    {"data URI", Coded::Base64,
     "data:text/plain;base64,VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1N"
     "jc4OSBhbmQgc29tZSBtb3JlIG9mIGl0Cg==\n"},
    {"base64 behind a path", Coded::Base64,
     "https://e.com/upload/VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc"
     "4OSBhbmQgc29tZSBtb3JlIG9mIGl0Cg==\n"},
    {"base64url behind a name", Coded::Base64,
     "chunk_VE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZS"
     "Btb3JlIG9mIGl0Cg==.bin\n"},
    {"base64 behind letters", Coded::Base64,
     "xyzVE9LRU49dG9rX2FiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1Njc4OSBhbmQgc29tZSBtb"
     "3JlIG9mIGl0Cg==\n"},
    {"base32", Coded::Base32,
     "KRHUWRKOHV2G6227MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYDCMRTGQ2TMNZYHEQG\n"
     "C3TEEBZW63LFEBWW64TFEBXWMIDJOQFA====\n"},
    {"base32 -w0 | tr A-Z a-z", Coded::Base32,
     "krhuwrkohv2g6227mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2tmnzyheqgc3te"
     "ebzw63lfebww64tfebxwmidjoqfa===="},
    {"base32 -w 10", Coded::Base32,
     "KRHUWRKOHV\n"
     "2G6227MFRG\n"
     "GZDFMZTWQ2\n"
     "LKNNWG23TP\n"
     "OBYXE43UOV\n"
     "3HO6DZPIYD\n"
     "CMRTGQ2TMN\n"
     "ZYHEQGC3TE\n"
     "EBZW63LFEB\n"
     "WW64TFEBXW\n"
     "MIDJOQFA==\n"
     "==\n"},
    {"base32 behind letters", Coded::Base32,
     "KEYKRHUWRKOHV2G6227MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYDCMRTGQ2TMNZYHEQGC"
     "3TEEBZW63LFEBWW64TFEBXWMIDJOQFA====\n"},
    {"xxd -p", Coded::Hex,
     "544f4b454e3d746f6b5f6162636465666768696a6b6c6d6e6f7071727374\n"
     "75767778797a3031323334353637383920616e6420736f6d65206d6f7265\n"
     "206f662069740a\n"},
    {"xxd -p -u -c0", Coded::Hex,
     "544F4B454E3D746F6B5F6162636465666768696A6B6C6D6E6F707172737475767778797A30313233"
     "34353637383920616E6420736F6D65206D6F7265206F662069740A\n"},
    {"xxd -i", Coded::Hex,
     "  0x54, 0x4f, 0x4b, 0x45, 0x4e, 0x3d, 0x74, 0x6f, 0x6b, 0x5f, 0x61, 0x62,\n"
     "  0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,\n"
     "  0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,\n"
     "  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x20, 0x61,\n"
     "  0x6e, 0x64, 0x20, 0x73, 0x6f, 0x6d, 0x65, 0x20, 0x6d, 0x6f, 0x72, 0x65,\n"
     "  0x20, 0x6f, 0x66, 0x20, 0x69, 0x74, 0x0a\n"},
    {"od -An -tx1", Coded::Hex,
     " 54 4f 4b 45 4e 3d 74 6f 6b 5f 61 62 63 64 65 66\n"
     " 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74 75 76\n"
     " 77 78 79 7a 30 31 32 33 34 35 36 37 38 39 20 61\n"
     " 6e 64 20 73 6f 6d 65 20 6d 6f 72 65 20 6f 66 20\n"
     " 69 74 0a\n"},
    {"od -An -x -v", Coded::Hex,
     " 4f54 454b 3d4e 6f74 5f6b 6261 6463 6665\n"
     " 6867 6a69 6c6b 6e6d 706f 7271 7473 7675\n"
     " 7877 7a79 3130 3332 3534 3736 3938 6120\n"
     " 646e 7320 6d6f 2065 6f6d 6572 6f20 2066\n"
     " 7469 000a\n"},
    {"od -An -tx4 -v", Coded::Hex,
     " 454b4f54 6f743d4e 62615f6b 66656463\n"
     " 6a696867 6e6d6c6b 7271706f 76757473\n"
     " 7a797877 33323130 37363534 61203938\n"
     " 7320646e 20656d6f 65726f6d 20666f20\n"
     " 000a7469\n"},
    {"od -An -tx1 -v -w1000 | tr ' ' ':'", Coded::Hex,
     ":54:4f:4b:45:4e:3d:74:6f:6b:5f:61:62:63:64:65:66:67:68:69:6a:6b:6c:6d:6e:6f:70:7"
     "1:72:73:74:75:76:77:78:79:7a:30:31:32:33:34:35:36:37:38:39:20:61:6e:64:20:73:6f:"
     "6d:65:20:6d:6f:72:65:20:6f:66:20:69:74:0a\n"},
    {"od -An -tx1 -v -w1000 | sed 's/ /\\\\x/g'", Coded::Hex,
     "\\x54\\x4f\\x4b\\x45\\x4e\\x3d\\x74\\x6f\\x6b\\x5f\\x61\\x62\\x63\\x64\\x65\\x66"
     "\\x67\\x68\\x69\\x6a\\x6b\\x6c\\x6d\\x6e\\x6f\\x70\\x71\\x72\\x73\\x74\\x75\\x76"
     "\\x77\\x78\\x79\\x7a\\x30\\x31\\x32\\x33\\x34\\x35\\x36\\x37\\x38\\x39\\x20\\x61"
     "\\x6e\\x64\\x20\\x73\\x6f\\x6d\\x65\\x20\\x6d\\x6f\\x72\\x65\\x20\\x6f\\x66\\x20"
     "\\x69\\x74\\x0a\n"},
    {"od -An -tx1 -v -w1000 | sed 's/ /=/g'", Coded::Hex,
     "=54=4f=4b=45=4e=3d=74=6f=6b=5f=61=62=63=64=65=66=67=68=69=6a=6b=6c=6d=6e=6f=70=7"
     "1=72=73=74=75=76=77=78=79=7a=30=31=32=33=34=35=36=37=38=39=20=61=6e=64=20=73=6f="
     "6d=65=20=6d=6f=72=65=20=6f=66=20=69=74=0a\n"},
    {"od -An -tx1 -v -w1000 | sed 's/^ //; s/ /-/g'", Coded::Hex,
     "54-4f-4b-45-4e-3d-74-6f-6b-5f-61-62-63-64-65-66-67-68-69-6a-6b-6c-6d-6e-6f-70-71"
     "-72-73-74-75-76-77-78-79-7a-30-31-32-33-34-35-36-37-38-39-20-61-6e-64-20-73-6f-6"
     "d-65-20-6d-6f-72-65-20-6f-66-20-69-74-0a\n"},
    {"xxd -p -c0 | sed 's/^/sha256-/'", Coded::Hex,
     "sha256-544f4b454e3d746f6b5f6162636465666768696a6b6c6d6e6f707172737475767778797a3"
     "031323334353637383920616e6420736f6d65206d6f7265206f662069740a\n"},
    {"xxd -p -c0 | sed 's/^/a/'", Coded::Hex,
     "a544f4b454e3d746f6b5f6162636465666768696a6b6c6d6e6f707172737475767778797a3031323"
     "334353637383920616e6420736f6d65206d6f7265206f662069740a\n"},
    {"xxd", Coded::Dump,
     "00000000: 544f 4b45 4e3d 746f 6b5f 6162 6364 6566  TOKEN=tok_abcdef\n"
     "00000010: 6768 696a 6b6c 6d6e 6f70 7172 7374 7576  ghijklmnopqrstuv\n"
     "00000020: 7778 797a 3031 3233 3435 3637 3839 2061  wxyz0123456789 a\n"
     "00000030: 6e64 2073 6f6d 6520 6d6f 7265 206f 6620  nd some more of \n"
     "00000040: 6974 0a                                  it.\n"},
    {"xxd -u -c 24 -g 1", Coded::Dump,
     "00000000: 54 4F 4B 45 4E 3D 74 6F 6B 5F 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6"
     "E  TOKEN=tok_abcdefghijklmn\n"
     "00000018: 6F 70 71 72 73 74 75 76 77 78 79 7A 30 31 32 33 34 35 36 37 38 39 20 6"
     "1  opqrstuvwxyz0123456789 a\n"
     "00000030: 6E 64 20 73 6F 6D 65 20 6D 6F 72 65 20 6F 66 20 69 74 0A              "
     "   nd some more of it.\n"},
    {"od", Coded::Dump,
     "0000000 047524 042513 036516 067564 057553 061141 062143 063145\n"
     "0000020 064147 065151 066153 067155 070157 071161 072163 073165\n"
     "0000040 074167 075171 030460 031462 032464 033466 034470 060440\n"
     "0000060 062156 071440 066557 020145 067555 062562 067440 020146\n"
     "0000100 072151 000012\n"
     "0000103\n"},
    {"od -x", Coded::Dump,
     "0000000 4f54 454b 3d4e 6f74 5f6b 6261 6463 6665\n"
     "0000020 6867 6a69 6c6b 6e6d 706f 7271 7473 7675\n"
     "0000040 7877 7a79 3130 3332 3534 3736 3938 6120\n"
     "0000060 646e 7320 6d6f 2065 6f6d 6572 6f20 2066\n"
     "0000100 7469 000a\n"
     "0000103\n"},
    {"od -b", Coded::Dump,
     "0000000 124 117 113 105 116 075 164 157 153 137 141 142 143 144 145 146\n"
     "0000020 147 150 151 152 153 154 155 156 157 160 161 162 163 164 165 166\n"
     "0000040 167 170 171 172 060 061 062 063 064 065 066 067 070 071 040 141\n"
     "0000060 156 144 040 163 157 155 145 040 155 157 162 145 040 157 146 040\n"
     "0000100 151 164 012\n"
     "0000103\n"},
    {"od -c", Coded::Dump,
     "0000000   T   O   K   E   N   =   t   o   k   _   a   b   c   d   e   f\n"
     "0000020   g   h   i   j   k   l   m   n   o   p   q   r   s   t   u   v\n"
     "0000040   w   x   y   z   0   1   2   3   4   5   6   7   8   9       a\n"
     "0000060   n   d       s   o   m   e       m   o   r   e       o   f    \n"
     "0000100   i   t  \\n\n"
     "0000103\n"},
    {"od -tx1z", Coded::Dump,
     "0000000 54 4f 4b 45 4e 3d 74 6f 6b 5f 61 62 63 64 65 66  >TOKEN=tok_abcdef<\n"
     "0000020 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74 75 76  >ghijklmnopqrstuv<\n"
     "0000040 77 78 79 7a 30 31 32 33 34 35 36 37 38 39 20 61  >wxyz0123456789 a<\n"
     "0000060 6e 64 20 73 6f 6d 65 20 6d 6f 72 65 20 6f 66 20  >nd some more of <\n"
     "0000100 69 74 0a                                         >it.<\n"
     "0000103\n"},
    {"od -Ax -tx8", Coded::Dump,
     "000000 6f743d4e454b4f54 6665646362615f6b\n"
     "000010 6e6d6c6b6a696867 767574737271706f\n"
     "000020 333231307a797877 6120393837363534\n"
     "000030 20656d6f7320646e 20666f2065726f6d\n"
     "000040 00000000000a7469\n"
     "000043\n"},
    {"hexdump", Coded::Dump,
     "0000000 4f54 454b 3d4e 6f74 5f6b 6261 6463 6665\n"
     "0000010 6867 6a69 6c6b 6e6d 706f 7271 7473 7675\n"
     "0000020 7877 7a79 3130 3332 3534 3736 3938 6120\n"
     "0000030 646e 7320 6d6f 2065 6f6d 6572 6f20 2066\n"
     "0000040 7469 000a                              \n"
     "0000043\n"},
    {"hexdump -C", Coded::Dump,
     "00000000  54 4f 4b 45 4e 3d 74 6f  6b 5f 61 62 63 64 65 66  |TOKEN=tok_abcdef|\n"
     "00000010  67 68 69 6a 6b 6c 6d 6e  6f 70 71 72 73 74 75 76  |ghijklmnopqrstuv|\n"
     "00000020  77 78 79 7a 30 31 32 33  34 35 36 37 38 39 20 61  |wxyz0123456789 a|\n"
     "00000030  6e 64 20 73 6f 6d 65 20  6d 6f 72 65 20 6f 66 20  |nd some more of |\n"
     "00000040  69 74 0a                                          |it.|\n"
     "00000043\n"},
    {"a list of numbers", Coded::Numbers,
     "[84, 79, 75, 69, 78, 61, 116, 111, 107, 95, 97, 98, 99, 100, 101, 102, 103, 104,"
     " 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120,"
     " 121, 122, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 32, 97, 110, 100, 32, 115, 11"
     "1, 109, 101, 32, 109, 111, 114, 101, 32, 111, 102, 32, 105, 116, 10]\n"},
    {"an indented list of numbers", Coded::Numbers,
     "[\n"
     "    84,\n"
     "    79,\n"
     "    75,\n"
     "    69,\n"
     "    78,\n"
     "    61,\n"
     "    116,\n"
     "    111,\n"
     "    107,\n"
     "    95,\n"
     "    97,\n"
     "    98,\n"
     "    99,\n"
     "    100,\n"
     "    101,\n"
     "    102,\n"
     "    103,\n"
     "    104,\n"
     "    105,\n"
     "    106,\n"
     "    107,\n"
     "    108,\n"
     "    109,\n"
     "    110,\n"
     "    111,\n"
     "    112,\n"
     "    113,\n"
     "    114,\n"
     "    115,\n"
     "    116,\n"
     "    117,\n"
     "    118,\n"
     "    119,\n"
     "    120,\n"
     "    121,\n"
     "    122,\n"
     "    48,\n"
     "    49,\n"
     "    50,\n"
     "    51,\n"
     "    52,\n"
     "    53,\n"
     "    54,\n"
     "    55,\n"
     "    56,\n"
     "    57,\n"
     "    32,\n"
     "    97,\n"
     "    110,\n"
     "    100,\n"
     "    32,\n"
     "    115,\n"
     "    111,\n"
     "    109,\n"
     "    101,\n"
     "    32,\n"
     "    109,\n"
     "    111,\n"
     "    114,\n"
     "    101,\n"
     "    32,\n"
     "    111,\n"
     "    102,\n"
     "    32,\n"
     "    105,\n"
     "    116,\n"
     "    10\n"
     "]\n"},
    {"od -An -b -v", Coded::Numbers,
     " 124 117 113 105 116 075 164 157 153 137 141 142 143 144 145 146\n"
     " 147 150 151 152 153 154 155 156 157 160 161 162 163 164 165 166\n"
     " 167 170 171 172 060 061 062 063 064 065 066 067 070 071 040 141\n"
     " 156 144 040 163 157 155 145 040 155 157 162 145 040 157 146 040\n"
     " 151 164 012\n"},
    {"od -An -tu1", Coded::Numbers,
     "  84  79  75  69  78  61 116 111 107  95  97  98  99 100 101 102\n"
     " 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118\n"
     " 119 120 121 122  48  49  50  51  52  53  54  55  56  57  32  97\n"
     " 110 100  32 115 111 109 101  32 109 111 114 101  32 111 102  32\n"
     " 105 116  10\n"},
    {"quoted-printable", Coded::QuotedPrintable,
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxTOKEN=3Dtok_abcdefghijklm=\n"
     "nopqrstuvwxyz0123456789 and some more of it\n"
     "\n"},
    {"uuencode", Coded::Uuencode,
     "begin 644 x\n"
     "M5$]+14X]=&]K7V%B8V1E9F=H:6IK;&UN;W!Q<G-T=79W>'EZ,#$R,S0U-C<X\n"
     "6.2!A;F0@<V]M92!M;W)E(&]F(&ET\"@  \n"
     "`\n"
     "end\n"},
};

}  // namespace bottle
