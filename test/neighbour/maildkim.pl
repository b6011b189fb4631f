use strict;
use warnings;
use JSON::PP;
use Net::DNS;
use Mail::DKIM::Verifier;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::ARC::Signer;

sub content { open(my $f, '<:raw', shift) or die $!; local $/; return <$f> }

my $ask = JSON::PP->new->decode(content($ARGV[0]));

{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        my $record = $ask->{zone}{$name};
        return defined $record ? Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [ unpack '(a200)*', $record ]) : ();
    };
}

sub said {
    my ($verifier, $message) = @_;
    $verifier->PRINT($message);
    $verifier->CLOSE;
    return ($verifier->result, $verifier->result_detail);
}

if ($ask->{verify}) {
    my %answer;
    for my $name (keys %{ $ask->{verify} }) {
        my $message = content($ask->{verify}{$name});
        my ($arc, $reason) = said(Mail::DKIM::ARC::Verifier->new, $message);
        my ($dkim) = said(Mail::DKIM::Verifier->new, $message);
        $answer{$name} = { ARC => $arc, DKIM => $dkim, Reason => $reason };
    }
    print JSON::PP->new->encode(\%answer);
} else {
    my $signer = Mail::DKIM::ARC::Signer->new(
        Algorithm => 'rsa-sha256', Chain => 'ar', Domain => $ask->{domain}, Selector => $ask->{selector}, SrvId => $ask->{server}, KeyFile => $ask->{key},
    );
    $signer->PRINT(content($ask->{seal}));
    $signer->CLOSE;
    die 'not sealed: ' . $signer->result_details unless $signer->result eq 'sealed';
    print JSON::PP->new->allow_nonref->encode(join "\r\n", $signer->as_strings, '');
}
