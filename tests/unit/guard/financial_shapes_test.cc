#include <gtest/gtest.h>

#include <string>

#include "proxy/guard/shapes/token_shapes.h"
#include "tests/support/shape_finder.h"

namespace bottle {
namespace {

TEST(FinancialShapes, ChecksumsDecide) {
  ShapeFinder shapes(financial_shapes());
  // Not issued to anyone: a made-up account with the right digits, and keys of the standards'
  // texts.
  EXPECT_TRUE(shapes.found("pay 4539 5787 6362 1486 now").contains("card number"));
  EXPECT_FALSE(shapes.found("pay 4539 5787 6362 1487 now").contains("card number"));
  EXPECT_FALSE(shapes.found("pay 4242 4242 4242 4242 now").contains("card number"));
  EXPECT_FALSE(shapes.found("id 4539578763621486123 ").contains("card number"));
  EXPECT_TRUE(shapes.found("IBAN GB29 NWBK 6016 1331 9268 19.").contains("IBAN"));
  EXPECT_TRUE(shapes.found("IBAN NL91ABNA0417164300 ").contains("IBAN"));
  EXPECT_FALSE(shapes.found("IBAN NL92ABNA0417164300 ").contains("IBAN"));
  EXPECT_FALSE(shapes.found("IBAN XX91ABNA0417164300 ").contains("IBAN"));
  EXPECT_TRUE(shapes.found("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ ")
                  .contains("Bitcoin private key"));
  EXPECT_TRUE(shapes.found("KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617 ")
                  .contains("Bitcoin private key"));
  EXPECT_FALSE(shapes.found("KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98618 ")
                   .contains("Bitcoin private key"));
  const std::string phrase =
      "legal winner thank year wave sausage worth useful legal winner thank ";
  EXPECT_TRUE(shapes.found(phrase + "yellow").contains("recovery phrase"));
  EXPECT_FALSE(shapes.found(phrase + "zoo").contains("recovery phrase"));
  EXPECT_FALSE(shapes.found("the quick brown fox jumps over the lazy dogs and then some more runs")
                   .contains("recovery phrase"));
}

}  // namespace
}  // namespace bottle
