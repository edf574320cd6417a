// Verifies chains with Java's PKIX validator. Arguments: root, key (unused), then pairs of
// (chain, name). Prints `ok NAME` or `refused NAME why` for each.
import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public class Verify {
  static X509Certificate[] load(String path) throws Exception {
    try (FileInputStream in = new FileInputStream(path)) {
      return CertificateFactory.getInstance("X.509").generateCertificates(in)
          .toArray(new X509Certificate[0]);
    }
  }

  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null);
    store.setCertificateEntry("root", load(args[0])[0]);
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    X509TrustManager trust = (X509TrustManager) factory.getTrustManagers()[0];
    for (int i = 2; i + 1 < args.length; i += 2) {
      try {
        X509Certificate[] chain = load(args[i]);
        trust.checkServerTrusted(chain, "ECDHE_ECDSA");
        // The only name; an address is compared as an address, Java writes IPv6 in full.
        String only = (String) chain[0].getSubjectAlternativeNames().iterator().next().get(1);
        boolean address = args[i + 1].matches("[0-9.]+|.*:.*");
        boolean same = address
            ? InetAddress.getByName(only).equals(InetAddress.getByName(args[i + 1]))
            : only.equals(args[i + 1]);
        if (!same) {
          throw new CertificateException("wrong name");
        }
        System.out.println("ok " + args[i + 1]);
      } catch (CertificateException e) {
        System.out.println("refused " + args[i + 1] + " " + e.getMessage());
      }
    }
  }
}
