//! One case for each section of RFC 4475 (and the telling ones of RFC 5118), in our own words.
//!
//! In the texts `\n` stands for CRLF.

use rsip::SipMessage;

use super::super::*;
use crate::sip::incoming::tag;
use crate::sip::value::via::Via;

/// A message and what becomes of it.
pub(super) struct Case {
    section: &'static str,
    pub(super) text: &'static str,
    outcome: Outcome,
}

enum Outcome {
    /// Method, top branch, From tag, To tag, CSeq number, length of the body.
    Request(
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        u32,
        usize,
    ),
    /// Status code, length of the body.
    Response(u16, usize),
    Refused(u16),
    Ignored,
}

use Outcome::{Ignored, Refused};

/// The octets of a case.
pub(super) fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

macro_rules! cases {
    ($($section:literal $text:literal => $outcome:expr;)*) => {
        pub(super) const CASES: &[Case] = &[$(Case { section: $section, text: $text, outcome: $outcome },)*];
    };
}

cases! {
"3.1.1.1 folding, compact names, white space" "INVITE sip:vi@chair.example.com;unknownparam SIP/2.0
TO :
 sip:vi@chair.example.com ;   tag    = 1918n
from   : \"J Rosen \\\\\\\"\"       <sip:jd@example.com>
  ;
  tag = 98asj8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 4
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:\"Quoted string \\\"\\\"\" <sip:jd@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
" => Outcome::Request("INVITE", "390skdjuw", "98asj8", "1918n", 9, 4);
"3.1.1.2 every character a token may have" "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: \"BEL:\x07 NUL:\x00 DEL:\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\u{440}\u{430}\";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\u{fefe}\u{5927}\u{505c}\u{96fb}
Content-Length: 0

" => Refused(501);
"3.1.1.3 escapes" "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 4

v=0
" => Outcome::Request("INVITE", "z9hG4bKkdjuw", "938", "", 234_234, 4);
"3.1.1.4 escaped nulls" "REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

" => Outcome::Request("REGISTER", "z9hG4bKkdjuw", "839923423", "", 14_398_234, 0);
"3.1.1.5 a percent sign that is no escape" "RE%47IST%45R sip:registrar.example.com SIP/2.0
To: \"%Z%45\" <sip:resource@example.com>
From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
l: 0

" => Refused(501);
"3.1.1.6 no space before the bracket" "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdjuw", "323", "", 60, 0);
"3.1.1.8 octets after the end" "REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
" => Outcome::Request("REGISTER", "z9hG4bKkdjuw23492", "43251j3j324", "", 8, 0);
"3.1.1.9 semicolons in the user part" "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdjuw", "33242", "", 8, 0);
"3.1.1.10 unknown transports" "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdjuw", "323", "", 60, 0);
"3.1.1.11 a body of several parts with any octets" "MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Contact: <sip:fluffy@127.0.0.1:5070>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Transfer-Encoding: binary
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Date: Sat, 15 Oct 2005 04:44:56 GMT
Content-Length: 29

--7a9cbec02ceef655\0\u{1}\u{7f}\u{e9}--

" => Outcome::Request("MESSAGE", "z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-", "2fb0dcc9", "", 1, 29);
"3.1.1.12 unusual reason phrase" "SIP/2.0 200 = 2**3 * 5**2 \u{43d}\u{43e} \u{441}\u{442}\u{43e}
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 4
Content-Type: application/sdp
Contact: <sip:user@host198.example.com>

v=0
" => Outcome::Response(200, 4);
"3.1.1.13 empty reason phrase" "SIP/2.0 100 \nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

" => Outcome::Response(100, 0);
"3.1.2.1 stray separators" "INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: \"Joe\" <sip:joe@example.org>;;;;
Content-Length: 0

" => Refused(400);
"3.1.2.2 body shorter than announced" "INVITE sip:user@example.com SIP/2.0
Max-Forwards: 80
To: sip:j.user@example.com
From: sip:caller@example.net;tag=93942939o2
Contact: <sip:caller@hungry.example.net>
Call-ID: clerr.0ha0isndaksdjweiafasdk3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523
Content-Type: application/sdp
Content-Length: 9999

v=0
" => Refused(400);
"3.1.2.3 negative length" "INVITE sip:user@example.com SIP/2.0
Max-Forwards: 254
To: sip:j.user@example.com
From: sip:caller@example.net;tag=32394234
Call-ID: ncl.0ha0isndaksdj2193423r542w35
CSeq: 0 INVITE
Via: SIP/2.0/UDP 192.0.2.53;branch=z9hG4bKkdjuw
Contact: <sip:caller@example53.example.net>
Content-Type: application/sdp
Content-Length: -999

v=0
" => Refused(400);
"3.1.2.4 numbers too large in a request" "REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 10000000000000000000000000000000
Contact: <sip:user@host129.example.com>
Content-Length: 0

" => Refused(400);
"3.1.2.5 numbers too large in a response" "SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Content-Length: 0

" => Ignored;
"3.1.2.6 open quote" "INVITE sip:user@example.com SIP/2.0
To: \"Mr. J. User <sip:j.user@example.com>
From: sip:caller@example.net;tag=93334
Max-Forwards: 10
Call-ID: quotbal.aksdj
Contact: <sip:caller@host59.example.net>
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234
Content-Length: 0

" => Refused(400);
"3.1.2.7 brackets around the Request-URI" "INVITE <sip:user@example.com> SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=39291
Max-Forwards: 23
Call-ID: ltgtruri.1@192.0.2.5
CSeq: 1 INVITE
Via: SIP/2.0/UDP 192.0.2.5
Contact: <sip:caller@host5.example.net>
Content-Length: 0

" => Refused(400);
"3.1.2.8 white space in the Request-URI" "INVITE sip:user@example.com; lr SIP/2.0
To: sip:user@example.com;tag=3xfe-9921883-z9f
From: sip:caller@example.net;tag=231413434
Max-Forwards: 5
Call-ID: lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423
CSeq: 2130706432 INVITE
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkdjuw2395
Contact: <sip:caller@host1.example.net>
Content-Length: 0

" => Refused(400);
"3.1.2.9 many spaces in the Request-Line" "INVITE  sip:user@example.com  SIP/2.0
Max-Forwards: 8
To: sip:user@example.com
From: sip:caller@example.net;tag=8814
Call-ID: lwsstart.dfknq234oi243099adsdfnawe3@example.com
CSeq: 1893884 INVITE
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw3923
Contact: <sip:caller@host1.example.net>
Content-Length: 0

" => Refused(400);
"3.1.2.10 white space after the version" "OPTIONS sip:remote-target@example.com SIP/2.0  \nVia: SIP/2.0/TCP host1.example.com;branch=z9hG4bK299342093
To: <sip:remote-target@example.com>
From: <sip:local-resource@example.com>;tag=329429089
Call-ID: trws.oicu34958239neffasdhr2345r
Accept: application/sdp
CSeq: 238923 OPTIONS
Max-Forwards: 70
Content-Length: 0

" => Refused(400);
"3.1.2.11 header fields in the Request-URI" "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=341518
Max-Forwards: 7
Contact: <sip:caller@host39923.example.net>
Call-ID: escruri.23940-asdfhj-aje3br-234q098w-fawerh2q-h4n5
CSeq: 149209342 INVITE
Via: SIP/2.0/UDP host-of-the-hour.example.com;branch=z9hG4bKkdjuw
Content-Length: 0

" => Refused(400);
"3.1.2.12 a date without GMT, which nobody reads" "INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=2234923
Max-Forwards: 70
Call-ID: baddate.239423mnsadf3j23lj42--sedfnm234
CSeq: 1392934 INVITE
Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw
Date: Fri, 01 Jan 2010 16:00:00 EST
Contact: <sip:caller@host5.example.net>
Content-Length: 0

" => Outcome::Request("INVITE", "z9hG4bKkdjuw", "2234923", "", 1_392_934, 0);
"3.1.2.14 spaces inside the brackets, which are let pass" "OPTIONS sip:user@example.org SIP/2.0
Via: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKkdju43234
Max-Forwards: 70
From: \"Bell, Alexander\" <sip:a.g.bell@example.com>;tag=433423
To: \"Watson, Thomas\" < sip:t.watson@example.org >
Call-ID: badaspec.sdf0234n2nds0a099u23h3hnnw009cdkne3
CSeq: 3923239 OPTIONS
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdju43234", "433423", "", 3_923_239, 0);
"3.1.2.15 a display name that needed quotes, which is let pass" "OPTIONS sip:t.watson@example.org SIP/2.0
Via:     SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards:      70
From:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43
To:      Watson, Thomas <sip:t.watson@example.org>
Call-ID: baddn.31415@c.example.com
CSeq:    3923239 OPTIONS
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdjuw", "43", "", 3_923_239, 0);
"3.1.2.16 another version" "OPTIONS sip:t.watson@example.org SIP/7.0
Via:     SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw
Via:     SIP/2.0/UDP d.example.com;branch=z9hG4bKkdjux
Max-Forwards:     70
From:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe
To:      T. Watson <sip:t.watson@example.org>
Call-ID: badvers.31417@c.example.com
CSeq:    1 OPTIONS
l: 0

" => Refused(505);
"3.1.2.17 CSeq names another method" "OPTIONS sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=34525
Max-Forwards: 6
Call-ID: mismatch01.dj0234sxdfl3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw
l: 0

" => Refused(400);
"3.1.2.18 the same with an unknown method" "NEWMETHOD sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=34525
Max-Forwards: 6
Call-ID: mismatch02.dj0234sxdfl3
CSeq: 8 INVITE
Contact: <sip:caller@host.example.net>
Via: SIP/2.0/UDP host.example.net;branch=z9hG4bKkdjuw
l: 0

" => Refused(400);
"3.1.2.19 status code too large" "SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i
CSeq: 353494 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0

" => Ignored;
"3.2.1 a branch that is the cookie alone" "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n
CSeq: 8 OPTIONS
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bK", "33242", "", 8, 0);
"3.3.1 required headers missing" "INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 0

" => Refused(400);
"3.3.2 unknown scheme" "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=384
Max-Forwards: 3
Call-ID: unkscm.nasdfasser0q239nwsdfasdkl34
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234
Content-Length: 0

" => Refused(416);
"3.3.3 a known scheme that is none of SIP's" "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=384
Max-Forwards: 3
Call-ID: novelsc.asdfasser0q239nwsdfasdkl34
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234
Content-Length: 0

" => Refused(416);
"3.3.4 unknown schemes in To and From" "OPTIONS sip:example.com SIP/2.0
To: isbn:2983792873
From: <http://www.example.com>;tag=3234233
Call-ID: unksm2.daksdj@hyphenated-host.example.com
CSeq: 234902 OPTIONS
Max-Forwards: 70
Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw
l: 0

" => Outcome::Request("OPTIONS", "z9hG4bKkdjuw", "3234233", "", 234_902, 0);
"3.3.7 an authorization of unknown scheme" "INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=87321hj23128
Max-Forwards: 8
Call-ID: regaut01.0ha0isndaksdj
CSeq: 9338 INVITE
Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKkdjuw
Authorization: NoOneKnowsThisScheme opaque-data=here
Content-Length:0

" => Outcome::Request("INVITE", "z9hG4bKkdjuw", "87321hj23128", "", 9338, 0);
"3.3.8 several From, To, Call-ID, CSeq" "INVITE sip:user@company.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
l: 0
Contact: <sip:caller@host36.example.net>

" => Refused(400);
"3.3.9 several lengths" "OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423
To: sip:user@example.com
From: sip:other@example.net;tag=3923942
Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain

There's no way to know how many octets are supposed to be here.
" => Refused(400);
"3.3.13 URI parameters without brackets are the header's" "REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe
To: sip:watson@example.com
Call-ID: cparam01.70710@saturn.example.com
CSeq: 2 REGISTER
Contact: sip:+19725552222@gw1.example.net;unknownparam
l: 0

" => Outcome::Request("REGISTER", "z9hG4bKkdjuw", "DkfVgjkrtMwaerKKpe", "", 2, 0);
"3.3.15 a body of unknown type" "MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP host.example.net;branch=z9hG4bK7ld
Max-Forwards: 70
From: <sip:caller@example.net>;tag=34525
To: <sip:kumiko@example.org>
Call-ID: multipart.1@host.example.net
CSeq: 3 MESSAGE
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: 11

--7a9cbec02" => Outcome::Request("MESSAGE", "z9hG4bK7ld", "34525", "", 3, 11);
"3.4.1 RFC 2543" "INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

v=0
" => Outcome::Request("INVITE", "", "", "", 56, 5);
"RFC 5118 4.1 IPv6" "REGISTER sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1]:5070;received=[2001:db8::9:255];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: \"Caller\" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

" => Outcome::Request("REGISTER", "z9hG4bKas3-111", "81x2", "", 98_176, 0);
"RFC 5118 4.2 IPv6 without brackets" "REGISTER sip:2001:db8::10 SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 98176 REGISTER
Content-Length: 0

" => Refused(400);
"RFC 5118 4.3 a port that is part of the address" "REGISTER sip:[2001:db8::10:5070] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"Caller\" <sip:caller@[2001:db8::1]>
Max-Forwards: 70
CSeq: 98176 REGISTER
Content-Length: 0

" => Outcome::Request("REGISTER", "z9hG4bKas3-111", "81x2", "", 98_176, 0);
"RFC 5118 4.4 a port that is one" "REGISTER sip:[2001:db8::10]:5070 SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"Caller\" <sip:caller@[2001:db8::1]>
Max-Forwards: 70
CSeq: 98176 REGISTER
Content-Length: 0

" => Outcome::Request("REGISTER", "z9hG4bKas3-111", "81x2", "", 98_176, 0);
"RFC 5118 4.5 received without brackets" "BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
Content-Length: 0

" => Outcome::Request("BYE", "z9hG4bKas3-111", "81x2", "bd76ya", 321, 0);
"RFC 5118 4.9 an IPv4 address written as IPv6" "INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Length: 0

" => Outcome::Request("INVITE", "z9hG4bKbh19", "81x2", "", 8612, 0);
"RFC 5118 4.10 a colon too many" "OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0
To: sip:user@[2001:db8:::192.0.2.1]
From: sip:user@example.com;tag=810x2
Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111
Call-ID: G9559905523997077@hlau_4100
CSeq: 689 OPTIONS
Max-Forwards: 70
Content-Length: 0

" => Outcome::Request("OPTIONS", "z9hG4bKas3-111", "810x2", "", 689, 0);
"an ACK is never answered" "ACK sip:user@example.com SIP/7.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa
" => Ignored;
"nothing is sent where Via does not read" "OPTIONS sip:user@example.com SIP/2.0
Via: nonsense
" => Ignored;
"keep-alive" "\n\n" => Ignored;
}

#[test]
fn every_case_comes_out_as_it_must() {
    for case in CASES {
        let read = parse(&wire(case.text), Framing::Datagram);
        let came_out = match (&case.outcome, &read) {
            (Refused(code), Err(WireError::Refused { status, .. })) => code == status,
            (Ignored, Err(WireError::Ignored(_))) => true,
            (
                Outcome::Response(code, body),
                Ok(Inbound {
                    msg: SipMessage::Response(r),
                    ..
                }),
            ) => r.status_code.code() == *code && r.body.len() == *body,
            (
                Outcome::Request(method, branch, from, to, cseq, body),
                Ok(Inbound {
                    msg: SipMessage::Request(request),
                    ..
                }),
            ) => {
                let find = |name| value::find(&request.headers, name);
                let via = find("Via")
                    .and_then(Via::parse)
                    .and_then(|via| via.branch());
                request.method.to_string() == *method
                    && via.unwrap_or_default() == *branch
                    && tag(find("From")) == *from
                    && tag(find("To")) == *to
                    && find("CSeq").and_then(value::cseq).map(|(n, _)| n) == Some(*cseq)
                    && request.body.len() == *body
            }
            _ => false,
        };
        assert!(came_out, "{}: {read:#?}", case.section);
    }
}

#[test]
fn the_tortuous_headers_read_in_full() {
    let inbound = parse(&wire(CASES[0].text), Framing::Datagram).unwrap();
    let SipMessage::Request(request) = inbound.msg else {
        panic!()
    };
    let all = |name| value::all(&request.headers, name).collect::<Vec<_>>();
    assert_eq!(
        all("Via"),
        [
            "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
        ]
    );
    assert_eq!(all("Subject"), [""]);
    assert_eq!(
        all("NewFangledHeader"),
        ["newfangled value continued newfangled value"]
    );
    assert_eq!(
        all("Contact"),
        [r#""Quoted string \"\"" <sip:jd@example.com>;newparam=newvalue;secondparam;q=0.33"#]
    );
    let long = format!(
        "OPTIONS sip:u@{} SIP/2.0\n{}",
        "example.".repeat(40),
        CASES[5].text.split_once('\n').unwrap().1
    );
    assert!(
        parse(&wire(&long), Framing::Datagram).is_ok(),
        "3.1.1.7 long values"
    );
}
